"""A path that does not exist is named as it was typed, on the terminal alone."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import hounsfield as hu
from hounsfield.dataset.prediction import read_prediction
from hounsfield.pipeline.fingerprint import read_fingerprint
from tests.cli.conftest import Answer

Line = Callable[..., Answer]
TYPED = "DOE_JOHN_1970"
"""A path that may name a patient: it must be in no file of an output and in no JSON."""


def verbs(scan: Path, missing: Path, out: Path) -> dict[str, tuple[object, ...]]:
    """A command line for every place where a path may be missing."""
    return {
        "inspect": ("inspect", missing),
        "convert": ("convert", missing, out / "x.nrrd"),
        "--like": ("convert", scan, out / "x.nrrd", "--like", missing),
        "plan": ("plan", "isotropic-mip", missing),
        "planes": ("planes", missing, "-o", out / "x.png"),
        "--overlay": ("planes", scan, "-o", out / "x.png", "--overlay", missing),
        "compare": ("compare", scan, missing),
        "record": ("restore", missing, scan, "-o", out / "x.nii.gz"),
        "predictions": ("restore", out.parent, missing, "-o", out),
        "export": ("export", "monai", missing, "-o", out),
        "--patients": ("export", "monai", scan, "-o", out, "--patients", missing),
        "fingerprint": ("fingerprint", missing),
        "run": ("run", "isotropic-mip", missing, "-o", out),
        "@list": ("run", "isotropic-mip", f"@{missing}", "-o", out),
        "pipeline": ("run", f"{missing}.toml", scan, "-o", out),
        "--set": ("run", "nnunet-ct", "--set", f"pipeline.fingerprint={missing}", scan, "-o", out),
        "--only": ("run", "isotropic-mip", scan, "--only", missing, "-o", out),
        "--label": ("run", "isotropic-mip", scan, "--label", f"bone={missing}", "-o", out),
    }


@pytest.mark.parametrize("name", verbs(Path(), Path(), Path()))
def test_a_missing_path_is_named_as_typed_and_never_written_down(
    name: str, line: Line, scan: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    words = verbs(scan, tmp_path / TYPED, out)[name]
    answer = line(*words)
    errors = [text for text in answer.lines if text.startswith("error: ")]
    assert answer.status in (1, 2, 3)
    assert len(errors) == 1, answer.err
    assert str(tmp_path / TYPED) in errors[0]
    assert errors[0].count(TYPED) == 1
    assert "no such file or folder" in errors[0]
    assert TYPED not in answer.out
    shutil.rmtree(out, ignore_errors=True)
    as_json = line(*words, "--json")
    assert TYPED not in as_json.out
    assert as_json.events if words[0] == "run" else json.loads(as_json.out)
    for path in (path for path in out.rglob("*") if path.is_file()):
        assert TYPED.encode() not in path.read_bytes(), path


@pytest.mark.parametrize(
    "read",
    [
        hu.read,
        hu.open,
        hu.inspect,
        lambda path: hu.Record.load(Path(path)),
        lambda path: hu.Pipeline.load(Path(f"{path}.toml")),
        lambda path: read_prediction(Path(path)),
        lambda path: read_prediction(Path(f"{path}.npy")),
        lambda path: read_fingerprint(Path(path)),
    ],
)
def test_a_missing_path_is_a_file_not_found_error_that_names_it(
    read: Callable[[str], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        FileNotFoundError, match=r"^nowhere[.a-z]*: no such file or folder$"
    ) as caught:
        read("nowhere")
    assert isinstance(caught.value, hu.MissingFileError)
    assert "nowhere" not in str(caught.value.diagnostics[0].to_json())


def test_missing_labels_are_a_file_not_found_error(scan: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"^nowhere: no such file or folder$"):
        hu.read_labels("nowhere", image=hu.open(scan))


def test_a_folder_where_a_text_file_is_expected_is_named(tmp_path: Path) -> None:
    with pytest.raises(hu.ReadError, match="Is a directory") as caught:
        hu.Record.load(tmp_path)
    assert caught.value.diagnostics[0].where == str(tmp_path)


@pytest.mark.parametrize("verb", ["inspect", "convert", "plan", "planes", "compare", "run"])
def test_a_broken_file_is_named_on_the_terminal_and_never_in_json(
    verb: str, line: Line, scan: Path, tmp_path: Path
) -> None:
    broken = tmp_path / f"{TYPED}^.nii.gz"  # no plain stem: it is no case id either
    broken.write_bytes(scan.read_bytes()[:200])
    out = tmp_path / "out"
    words = {
        "inspect": (broken,),
        "convert": (broken, out / "x.nrrd"),
        "plan": ("isotropic-mip", broken),
        "planes": (broken, "-o", out / "x.png"),
        "compare": (broken, scan),
        "run": ("isotropic-mip", broken, "-o", out),
    }[verb]
    answer = line(verb, *words)
    (error,) = [text for text in answer.lines if text.startswith("error: ")]
    assert error.startswith(f"error: {broken}: ")
    assert error.count(TYPED) == 1
    shutil.rmtree(out, ignore_errors=True)
    assert TYPED not in line(verb, *words, "--json").out
    for path in (path for path in out.rglob("*") if path.is_file()):
        assert TYPED.encode() not in path.read_bytes(), path
