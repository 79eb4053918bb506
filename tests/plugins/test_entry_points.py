"""Packages that clash, fail or are absent: one clear line each, and no needless look-up."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hounsfield as hu
from hounsfield.core import entry_points
from hounsfield.core.spec import Spec
from hounsfield.dataset.run_config import RunConfig
from hounsfield.io import formats
from hounsfield.io.base import Format, Output
from hounsfield.steps import registry
from hounsfield.steps.pointwise import PointwiseStep


@dataclass(frozen=True, slots=True, kw_only=True)
class Negate(PointwiseStep):
    """A step that no package registers."""

    def plan(self, spec: Spec) -> Spec:
        return spec

    def values(self, array: Any, spec: Spec) -> Any:
        return -array


THIEF = Format(name="thief", title="thief", suffixes=(".nrrd",))
SECOND = Format(name="second", title="second", outputs=(Output(name="nii"),))
OTHER = Format(name="other", title="other", magic=((0, b"OTHER"),), suffixes=(".oth",))
NOT_A_FORMAT = "nrrd"


class Dist:
    def __init__(self, name: str) -> None:
        self.name, self.version = name, "1.2"


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A function that pretends that packages are installed: (package, group, name, value) each."""
    caches = [entry_points.found, registry.step_class, formats.plugin_formats]

    def put(*rows: tuple[str, str, str, str]) -> list[str]:
        asked = []

        def look(*, group: str) -> list[EntryPoint]:
            asked.append(group)
            return [
                EntryPoint(name, value, group)._for(Dist(package))
                for package, of, name, value in rows
                if of == group
            ]

        monkeypatch.setattr("importlib.metadata.entry_points", look)
        for cache in caches:
            cache.cache_clear()
        return asked

    yield put
    for cache in caches:
        cache.cache_clear()


def toml(step: str) -> hu.Pipeline:
    return hu.Pipeline.parse({"steps": [{"step": step}]})


def test_nothing_is_looked_up_for_what_is_ours(install, tmp_path: Path) -> None:
    asked = install(("bad", "hounsfield.steps", "Bad", "no_such_module:Bad"))
    toml("SplitSlices")
    volume = hu.Volume.from_array(np.zeros((2, 2, 2), np.int16), affine=np.eye(4))
    hu.write(volume, tmp_path / "x.nii.gz")
    hu.read(tmp_path / "x.nii.gz", assume="hu")
    hu.Pipeline([hu.SplitSlices()]).to_toml()
    assert asked == []


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([("a", "Clip", "m:Clip")], "package a offers a step 'Clip', which is a name of"),
        ([("a", "X", "m:X"), ("b", "X", "n:X")], "packages a and b both offer a step 'X'"),
        ([("a", "X", "no_such_module:X")], "package a offers the step 'X' and cannot be imported"),
        ([("a", "X", "tests.plugins.test_entry_points:Negate")], "expected a dataclass of that"),
        ([("a", "X", "tests.plugins.test_entry_points:THIEF")], "expected a dataclass of that"),
    ],
)
def test_a_step_that_cannot_be_used_is_one_line_with_its_package(install, rows, words) -> None:
    install(*[(package, "hounsfield.steps", name, value) for package, name, value in rows])
    with pytest.raises((hu.PluginError, hu.PipelineError), match=words) as caught:
        toml("X")
    assert "PLUGIN" in caught.value.codes
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("nrrd", "m:X", "package a offers a format 'nrrd', which is a name of"),
        ("x", "no_such_module:X", "package a offers the format 'x' and cannot be imported"),
        ("thief", "tests.plugins.test_entry_points:THIEF", "'.nrrd', which is used by NRRD"),
        ("second", "tests.plugins.test_entry_points:SECOND", "'nii', which is used by NIfTI"),
        ("x", "tests.plugins.test_entry_points:NOT_A_FORMAT", "expected a hounsfield.io.formats"),
        ("x", "tests.plugins.test_entry_points:OTHER", "expected a hounsfield.io.formats.Format"),
    ],
)
def test_a_format_that_cannot_be_used_is_one_line_with_its_package(
    install, name: str, value: str, words: str, tmp_path: Path
) -> None:
    install(("a", "hounsfield.formats", name, value))
    (tmp_path / "x.strange").write_bytes(b"whatever")
    with pytest.raises(hu.PluginError, match=words) as caught:
        hu.read(tmp_path / "x.strange")
    assert "\n" not in str(caught.value)


def test_a_format_is_found_by_its_content_and_by_its_suffix(install, tmp_path: Path) -> None:
    install(("a", "hounsfield.formats", "other", "tests.plugins.test_entry_points:OTHER"))
    (tmp_path / "by-content").write_bytes(b"OTHER and more")
    (tmp_path / "by-suffix.oth").write_bytes(b"?")
    assert formats.sniff(tmp_path / "by-content") == "other"
    assert formats.sniff(tmp_path / "by-suffix.oth") == "other"
    with pytest.raises(hu.ReadError, match="other files can only be written"):
        hu.read(tmp_path / "by-suffix.oth")


def test_an_unknown_step_names_those_of_packages_too(install) -> None:
    install(("a", "hounsfield.steps", "Sharpen", "m:Sharpen"))
    with pytest.raises(hu.PipelineError, match="there is no step 'Sharp'; did you mean Sharpen"):
        toml("Sharp")


def test_an_unregistered_step_runs_in_python_and_is_not_written(install, tmp_path: Path) -> None:
    install()
    volume = hu.Volume.from_array(np.ones((2, 2, 2), np.int16), affine=np.eye(4))
    line = hu.Pipeline([Negate()])
    made = line.run(volume)
    assert made.volume.array.max() == -1
    assert made.record.pipeline["steps"] == [{"step": "Negate", "unregistered": True}]
    words = "step class Negate.* is not registered"
    with pytest.raises(hu.PipelineError, match=f"{words}; add it to the entry points of group"):
        line.to_toml()
    with pytest.raises(hu.PipelineError, match=words):
        made.record.to_text()
    with pytest.raises(hu.PipelineError, match=words):
        RunConfig(pipeline=line, out=tmp_path)


def test_a_pipeline_names_the_version_of_the_package_of_a_step(install) -> None:
    install(("a", "hounsfield.steps", "Negate", "tests.plugins.test_entry_points:Negate"))
    kind = registry.step_class("Negate")
    line = hu.Pipeline([kind()])
    assert hu.Pipeline.parse(tomllib.loads(line.to_toml())) == line
    assert tomllib.loads(line.to_toml())["packages"] == {"a": "1.2"}
    assert "packages" not in hu.Pipeline([hu.SplitSlices()]).to_toml()


def test_a_class_of_a_registered_name_that_is_another_is_not_written() -> None:
    kind = dataclass(frozen=True)(type("Clip", (Negate,), {"__slots__": ()}))
    with pytest.raises(hu.PipelineError, match=r"step class Clip of .* is not registered"):
        hu.Pipeline([kind()]).to_toml()


def test_every_step_of_the_registry_is_a_public_name() -> None:
    assert [
        name for name in registry.NAMES if getattr(hu, name) is not registry.step_class(name)
    ] == []
    assert set(registry.NAMES) <= set(hu.__all__)
