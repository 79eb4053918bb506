"""Repairs of a tilted, gapped, uneven and padded scan reach the user on every path.

Python: warnings and `.diagnostics`. Command line: stderr and --json. A run: the record, the
manifest, the report. CHECK by one scan whose headers and voxels need four repairs.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import hounsfield as hu
from hounsfield.core.errors import HounsfieldWarning
from hounsfield.phantom import Faults, grid_about, head, write_series
from tests.cli.conftest import Line, ball_label, ball_scan, line, own_key

__all__ = ["line", "own_key"]

COUNT = 12
POSITIONS = tuple(np.cumsum([0.0, *[12.0] * 5, *[8.5] * 6]).tolist())
FAULTS = Faults(positions_mm=POSITIONS, tilt_deg=12.0, missing=(8, 9), padding="untagged-2048")

MESSAGES = {
    "TILT": "gantry tilt of 12",
    "GAP": "2 of 12 slices missing",
    "UNEVEN": "slice spacing varies",
    "PADDING": "undeclared padding value",
}
"""Each repair and the start of its message."""

OF_HEADERS = set(MESSAGES) - {"PADDING"}
KEEP = hu.Pipeline([hu.Resample(spacing_mm=(12, 12, 14)), hu.Clip(low_hu=-1024, high_hu=2000)])


@pytest.fixture(scope="module")
def scan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scan of which every repair is needed."""
    folder = tmp_path_factory.mktemp("scan") / "series"
    grid = grid_about((0, -4, 10), shape=(32, 32, COUNT), spacing_mm=(8, 8, 12))
    write_series(head(grid, noise_hu=2), folder, faults=FAULTS)
    return folder


def codes(found: object) -> set[str]:
    """The codes of diagnostics, as values or as plain data."""
    return {
        each["code"] if isinstance(each, dict) else each.code
        for each in found  # type: ignore[attr-defined]
    }


def warned(call: Callable[[], object]) -> tuple[object, list[str]]:
    """What a call returns, and the codes of its warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        made = call()
    return made, [
        each.message.diagnostic.code
        for each in caught
        if isinstance(each.message, HounsfieldWarning)
    ]


def test_open_and_read_have_every_repair(scan: Path) -> None:
    stack, of_open = warned(lambda: hu.open(scan, gaps="fill"))
    volume, of_read = warned(lambda: hu.read(scan, gaps="fill"))
    assert set(MESSAGES) <= codes(stack.diagnostics)  # type: ignore[attr-defined]
    assert codes(volume.diagnostics) == codes(stack.finished())  # type: ignore[attr-defined]
    assert of_open == []
    assert sorted(of_read) == sorted(MESSAGES)
    assert any(volume.source.interpolated)  # type: ignore[attr-defined]
    assert "slices" in volume.source.geometry  # type: ignore[attr-defined]


def test_inspect_has_every_repair_of_headers_and_with_values_all(scan: Path) -> None:
    policy = hu.ReadPolicy(gaps="fill")
    (report,) = hu.inspect(scan, policy=policy)
    assert codes(report.reasons) >= OF_HEADERS
    (report,) = hu.inspect(scan, policy=policy, values=True)
    assert set(MESSAGES) <= codes(report.reasons)
    assert report.verdict == "repairable"
    assert set(MESSAGES) <= codes(report.to_json()["reasons"])


@pytest.mark.parametrize("kind", ["stack", "volume", "case", "stack of volume"])
def test_a_pipeline_has_every_repair_in_result_and_record(scan: Path, kind: str) -> None:
    stack = hu.open(scan, gaps="fill")
    volume = stack.volume()
    source = {
        "stack": stack,
        "volume": volume,
        "case": hu.Case(volume),
        "stack of volume": hu.Stack.from_volume(volume),
    }[kind]
    result = KEEP.run(source)
    assert set(MESSAGES) <= codes(result.diagnostics)
    assert set(MESSAGES) <= codes(result.record.diagnostics)
    assert result.masks["interpolated"].array.any()
    assert result.record.source["sha256"] == stack.source.sha256 != ""
    assert dict(result.record.source["geometry"]) == dict(stack.source.geometry)


def test_a_derived_series_and_its_source_are_opened_with_every_repair(
    scan: Path, tmp_path: Path
) -> None:
    volume = hu.open(scan, gaps="fill").volume()
    hu.write(volume, tmp_path / "again.nii.gz")
    assert np.array_equal(hu.read(tmp_path / "again.nii.gz").array, volume.array)
    assert set(MESSAGES) <= codes(volume.diagnostics)
    again = hu.Volume(volume.array, volume.spec, volume.diagnostics, volume.source)
    assert set(MESSAGES) <= codes(KEEP.run(again).diagnostics)


def verbs(scan: Path, out: Path) -> dict[str, tuple[object, ...]]:
    """A command line of each verb that reads a scan."""
    hu.write(ball_scan(), out / "ball.nii.gz")
    hu.write(ball_label(ball_scan()), out / "bone.nii.gz")
    (out / "keep.toml").write_text(KEEP.to_toml())
    return {
        "inspect": ("inspect", scan, "--values"),
        "convert": ("convert", scan, out / "x.nii.gz"),
        "convert to dicom": ("convert", scan, out / "x", "--format", "dicom"),
        "convert like": ("convert", out / "ball.nii.gz", out / "y.nii.gz", "--like", scan),
        "planes": ("planes", scan, "-o", out / "planes.png"),
        "montage": ("montage", scan, "-o", out / "montage.png"),
        "histogram": ("histogram", scan, "-o", out / "histogram.png"),
        "plan": ("plan", out / "keep.toml", scan),
        "compare": ("compare", scan, out / "bone.nii.gz"),
        "run": ("run", out / "keep.toml", scan, "-o", out / "run"),
    }


VERBS = ["inspect", "convert", "convert to dicom", "convert like", "planes"]
VERBS += ["montage", "histogram", "plan", "compare", "run"]


@pytest.mark.parametrize("name", VERBS)
def test_a_verb_prints_every_repair_and_has_it_in_json(
    scan: Path, tmp_path: Path, line: Line, name: str
) -> None:
    words = (*verbs(scan, tmp_path)[name], "--gaps", "fill")
    for more in ((), ("-v",)):
        shutil.rmtree(tmp_path / "run", ignore_errors=True)
        answer = line(*words, *more)
        said = answer.out + answer.err
        missing = [code for code, message in MESSAGES.items() if said.count(message) != 1]
        assert not missing, said
    shutil.rmtree(tmp_path / "run", ignore_errors=True)
    answer = line(*words, "--json")
    data = answer.summary if name == "run" else json.loads(answer.out)
    rows = (
        [reason for series in data["series"] for reason in series["reasons"]]
        if name == "inspect"
        else [row for case in data["cases"] for row in case["diagnostics"]]
        if name == "run"
        else data["diagnostics"]
    )
    assert set(MESSAGES) <= codes(rows)
    assert all(row["severity"] == "repair" for row in rows if row["code"] in OF_HEADERS)


def test_a_run_leaves_every_repair_in_record_manifest_and_restore(
    scan: Path, tmp_path: Path, line: Line
) -> None:
    out = tmp_path / "out"
    (tmp_path / "keep.toml").write_text(KEEP.to_toml())
    assert line("run", tmp_path / "keep.toml", scan, "-o", out, "--gaps", "fill").status == 0
    (record,) = out.glob("cases/*/record.json")
    assert set(MESSAGES) <= codes(json.loads(record.read_text())["diagnostics"])
    with sqlite3.connect(out / "manifest.db") as manifest:
        ((text,),) = manifest.execute("SELECT diagnostics FROM cases").fetchall()
    manifest.close()
    assert set(MESSAGES) <= codes(json.loads(text))
    words = ("restore", record, record.parent / "image.nii.gz", "-o", tmp_path / "back.nii.gz")
    answer = line(*words)
    assert all(answer.err.count(message) == 1 for message in MESSAGES.values()), answer.err
    assert set(MESSAGES) <= codes(json.loads(line(*words, "--json").out)["diagnostics"])


def test_the_page_of_inspect_has_every_repair(scan: Path, tmp_path: Path, line: Line) -> None:
    page = tmp_path / "page.html"
    assert line("inspect", scan, "--gaps", "fill", "--values", "--html", page).status == 0
    text = page.read_text(encoding="utf-8")
    assert all(message in text for message in MESSAGES.values())
