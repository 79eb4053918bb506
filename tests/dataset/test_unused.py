"""DICOM that is no case is counted and named by a run; unreadable slices are failures."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from hounsfield.cli.main import run_line
from hounsfield.dataset.discover import discover
from hounsfield.phantom import Faults, grid_about, head, write_series
from tests.dataset.conftest import run_over

SMALL_HEAD = head(grid_about((0, 0, 0), shape=(32, 32, 5), spacing_mm=(7, 7, 6)))


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Two good series, one of them with a localizer, a screen and a secondary capture."""
    folder = tmp_path / "study"
    folder.mkdir()
    write_series(SMALL_HEAD, folder / "a", faults=Faults(extras=("localizer", "screen")), seed=1)
    write_series(SMALL_HEAD, folder / "b", faults=Faults(extras=("secondary",)), seed=2)
    return folder


def cut_in_header(source: Path, target: Path) -> None:
    """Copy the files of a series as an interrupted copy leaves them."""
    target.mkdir(exist_ok=True)
    for path in sorted(source.rglob("*")):
        if path.is_file():
            (target / path.name).write_bytes(path.read_bytes()[:400])


def codes(found: object) -> dict[str, tuple[str, int]]:
    return {each.code: (each.severity, int(each.value)) for each in found}  # type: ignore[attr-defined]


def test_localizers_screens_and_captures_are_counted_by_code_and_are_no_failure(
    study: Path, tmp_path: Path
) -> None:
    summary = run_over(study, tmp_path / "out")
    assert summary.count("done") == 2
    notes = dict.fromkeys(("LOCALIZER", "SCREEN", "SECONDARY"), ("note", 1))
    assert codes(summary.unused) == notes
    assert summary.is_complete
    connection = sqlite3.connect(tmp_path / "out" / "manifest.db")
    rows = connection.execute("SELECT code, severity, files FROM unused").fetchall()
    connection.close()
    assert {code: (severity, files) for code, severity, files in rows} == notes


def test_slices_cut_in_their_headers_beside_good_cases_fail_the_run(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cut_in_header(study / "a", study / "cut")
    out = tmp_path / "out"
    assert run_line(["run", "isotropic-mip", str(study), "-o", str(out), "--json"]) == 1
    printed = capsys.readouterr()
    data = json.loads(printed.out.splitlines()[-1])
    assert (data["counts"]["done"], data["counts"]["unreadable"]) == (2, 7)
    (lost,) = (each for each in data["unused"] if each["code"] == "UNREADABLE")
    assert (lost["files"], lost["severity"]) == (7, "refusal")
    assert "7 files cannot be read" in lost["message"]
    assert "warning: 7 files cannot be read" in printed.err
    assert "cut/" in printed.err  # the terminal names the first files
    assert "7 files unreadable" in printed.err.splitlines()[-1]
    assert "7 UNREADABLE" in printed.err.splitlines()[-1]
    written = [path.read_bytes() for path in out.rglob("*") if path.is_file()]
    assert not any(b"cut/" in text for text in [*written, printed.out.encode()])


def test_a_series_that_lost_slices_is_not_done_without_a_word(study: Path, tmp_path: Path) -> None:
    first = min(path for path in (study / "a").iterdir())
    first.write_bytes(first.read_bytes()[:400])
    summary = run_over(study, tmp_path / "out")
    assert not summary.is_complete
    assert codes(summary.unused)["UNREADABLE"] == ("refusal", 1)
    touched = [case for case in summary.cases if "UNREADABLE" in (*case.warnings, case.code)]
    assert len(touched) == 1
    again = run_over(study, tmp_path / "out")
    assert [case.warnings for case in again.cases] == [case.warnings for case in summary.cases]


def test_a_slice_without_pixels_of_a_series_that_is_read_refuses_that_series(
    study: Path, tmp_path: Path
) -> None:
    path = max((study / "b").iterdir(), key=lambda each: each.name)
    data = path.read_bytes()
    end = data.rindex(b"\xe0\x7f\x10\x00")
    path.write_bytes(data[:end])
    summary = run_over(study, tmp_path / "out")
    assert summary.counts["failed"] + summary.counts["unreadable"] >= 1
    assert not summary.is_complete


def test_files_of_several_sources_are_one_count(study: Path) -> None:
    found = discover([str(study / "a"), str(study / "b")])
    assert codes(found.unused) == codes(discover([str(study)]).unused)
    assert [len(each.files) for each in found.unused] == [1, 1, 1]


def test_files_that_are_not_dicom_are_not_counted(study: Path) -> None:
    (study / "notes").write_text("not DICOM")
    assert "NOT_DICOM" not in codes(discover([str(study)]).unused)


def test_one_unreadable_file_beside_a_series_is_counted_in_the_singular(
    study: Path, tmp_path: Path
) -> None:
    first = min(path for path in (study / "a").iterdir() if path.is_file())
    (study / "a" / "cut.dcm").write_bytes(first.read_bytes()[:400])
    messages = [
        each["message"]
        for case in run_over(study, tmp_path / "out").cases
        for each in case.diagnostics
    ]
    assert "1 unreadable file ignored; slices of this series may be missing" in messages
