"""Wrong arguments of any verb are one line, and nothing is written."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import hounsfield as hu
from tests.cli.conftest import Line, ball_label, ball_scan, line, own_key

__all__ = ["line", "own_key"]

LONG = "x" * 300
"""Longer than the name of a file can be: the system refuses even to look for it."""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a scan, a label, a run and empty files."""
    hu.write(ball_scan(), tmp_path / "ct.nii.gz")
    hu.write(ball_label(ball_scan()), tmp_path / "label.nii.gz")
    (tmp_path / "empty.toml").touch()
    (tmp_path / "other.toml").write_text("[tool]\nname = 'another program'\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


PLANES = ("planes", "ct.nii.gz", "-o", "p.png")
RESTORE = ("restore", "out/cases/ct/record.json", "out/cases/ct/image.nii.gz")
WRONG = {
    "prediction name too long": (3, *RESTORE[:2], LONG, "-o", "r.nii.gz"),
    "run name too long": (3, "status", LONG),
    "pipeline name too long": (2, "plan", LONG, "ct.nii.gz"),
    "output name too long": (1, "run", "bone", "ct.nii.gz", "-o", LONG),
    "linkage name too long": (1, "status", "out", "--linkage", LONG),
    "empty path": (2, "inspect", ""),
    "empty path of a run": (2, "run", "bone", "", "-o", "new"),
    "empty pipeline file": (2, "run", "empty.toml", "ct.nii.gz", "-o", "new"),
    "another program's file": (2, "plan", "other.toml", "ct.nii.gz"),
    "output is the source": (2, "convert", "ct.nii.gz", "./ct.nii.gz"),
    "unknown axes": (2, "inspect", "ct.nii.gz", "--assume-affine", "XYZ"),
    "unknown suffix": (1, "convert", "ct.nii.gz", "o.xyz"),
    "two points": (2, *PLANES, "--at", "0,0,0", "--fraction", "0.5,0.5,0.5"),
    "source without a segmentation": (2, *RESTORE, "-o", "r.nii.gz", "--source", "scan"),
    "fraction over one": (2, "export", "nnunet", "out", "-o", "new", "--test", "1.5"),
    "labels of a run": (2, "export", "monai", "out", "-o", "new", "--label", "label.nii.gz"),
    "no folder of a run": (2, *RESTORE, "-o", "r.nii.gz", "--probabilities", "argmax"),
    "no label there": (1, "compare", "ct.nii.gz", "nothing"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_argument_is_one_line_and_leaves_nothing(name: str, here: Path, line: Line) -> None:
    (here / "nothing").mkdir()
    status, *words = WRONG[name]
    if "out" in str(words):
        assert line("run", "bone", "ct.nii.gz", "-o", "out").status == 0
    before = {path: path.read_bytes() for path in here.rglob("*") if path.is_file()}
    answer = line(*words)
    assert answer.status == status, answer.err
    (text,) = answer.lines
    assert text.startswith("error: ")
    assert "internal error" not in text
    assert answer.out == ""
    after = {path: path.read_bytes() for path in here.rglob("*") if path.is_file()}
    assert after == before


def test_an_unknown_suffix_advises_the_option(here: Path, line: Line) -> None:
    text = line("convert", "ct.nii.gz", "o.xyz").err
    assert "format=" not in text
    assert "--format" in text


@pytest.mark.parametrize("by", ["id", "number"])
def test_inspect_lists_the_series_that_is_selected(
    by: str, two_series: tuple[Path, list[str]], line: Line
) -> None:
    folder, ids = two_series
    answer = line("inspect", folder, "--series", ids[1] if by == "id" else 1)
    assert answer.status == 0
    assert ids[1] in answer.out
    assert ids[0] not in answer.out
    for wanted in ("7", "c-000000000000"):
        answer = line("inspect", folder, "--series", wanted)
        assert (answer.status, answer.out) == (1, "")
        assert answer.lines == [
            f"error: {folder}: no series has the id or number '{wanted}'; expected one of "
            f"0 ({ids[0]}), 1 ({ids[1]})"
        ]


@pytest.fixture
def two_series(tmp_path: Path) -> tuple[Path, list[str]]:
    """A folder of two DICOM series, and their ids by number."""
    from hounsfield.phantom import grid_about, head, write_series

    grid = grid_about((0, 0, 0), shape=(24, 24, 4), spacing_mm=(10, 10, 10))
    for seed in (1, 2):
        write_series(head(grid, noise_hu=seed), tmp_path / "scan" / str(seed), seed=seed)
    return tmp_path / "scan", [report.id for report in hu.inspect(tmp_path / "scan")]


def test_an_image_file_that_is_empty_is_reported_once(here: Path, line: Line) -> None:
    (here / "scans").mkdir()
    shutil.copy("ct.nii.gz", "scans")
    (here / "scans" / "bad.nii.gz").touch()
    (here / "scans" / "notes").touch()
    answer = line("run", "bone", "scans", "-o", "out")
    assert answer.status == 1
    assert sum("error: " in text and "bad.nii.gz" in text for text in answer.err.splitlines()) == 1
    assert "copy it again from the archive: notes" in answer.err
