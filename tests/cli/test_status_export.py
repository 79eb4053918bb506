"""`hounsfield status`: what it counts, and tables in which nothing is evaluated or identifies."""

from __future__ import annotations

import csv
import json
import shutil
import sqlite3
import sys
from pathlib import Path
from typing import Any

import pytest

from hounsfield.cli import status
from hounsfield.dataset.case import CaseResult
from hounsfield.dataset.manifest import Manifest
from hounsfield.dataset.status import read_status
from hounsfield.phantom import grid_about, head, write_series
from tests.cli.conftest import Line
from tests.dataset.test_manifest import ADDED, make_old

RUN = ("run", "isotropic-mip")


def put(out: Path, *results: CaseResult) -> None:
    """Write results into a manifest."""
    out.mkdir(exist_ok=True)
    with Manifest(out / "manifest.db") as manifest:
        for result in results:
            manifest.put(result)


def exported(line: Line, out: Path, folder: Path) -> tuple[list[dict[str, str]], list[Any], Any]:
    """What the three files hold."""
    import pyarrow.parquet

    names = [folder / f"cases.{suffix}" for suffix in ("csv", "jsonl", "parquet")]
    words = [word for path in names for word in (f"--{path.suffix[1:]}", path)]
    answer = line("status", out, *words)
    assert answer.status == 0, answer.err
    with names[0].open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    lines = [json.loads(text) for text in names[1].read_text().splitlines()]
    return rows, lines, pyarrow.parquet.read_table(names[2]).to_pylist()


def test_status_counts_failures_by_code_and_names_the_slowest_and_largest(
    line: Line, tmp_path: Path
) -> None:
    put(
        tmp_path,
        CaseResult(id="a", status="done", seconds=3.0, memory_bytes=10**9),
        CaseResult(id="b", status="failed", code="TIMEOUT", message="slow", seconds=60.0),
        CaseResult(id="c", status="failed", code="UNREADABLE", message="cut"),
        CaseResult(id="d", status="failed", code="UNREADABLE", message="cut"),
    )
    answer = line("status", tmp_path)
    assert answer.lines == [
        "1 done, 3 failed",
        "failed: UNREADABLE (2), TIMEOUT (1)",
        "UNREADABLE, such as c: cut",
        "TIMEOUT, such as b: slow",
        "slowest: b (60.0 s), a (3.0 s), c (0.0 s), d (0.0 s)",
        "peak memory: 1000 MB (a)",
    ]
    data = json.loads(line("status", tmp_path, "--json").out)
    assert data["failures"] == {"UNREADABLE": 2, "TIMEOUT": 1}
    assert data["slowest"][0] == {"id": "b", "seconds": 60.0}
    assert data["peak_memory_bytes"] == 10**9


def test_of_many_cases_those_that_are_not_done_are_listed(
    line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status, "MANY", 1)
    put(tmp_path, CaseResult(id="a", status="done"), CaseResult(id="b", status="failed"))
    answer = line("status", tmp_path)
    assert [text.split()[0] for text in answer.out.splitlines()[2:]] == ["b"]
    assert answer.lines[0] == "1 done are not listed; use -v to list all"
    assert "a  " in line("status", tmp_path, "-v").out


def quality(spacing_mm: float, reason: str = "") -> dict[str, Any]:
    """A quality with one value, as a run stores it."""
    value = {"value": spacing_mm, "unit": "mm", "low": 0.1, "high": 10.0, "source": "a paper"}
    state = {"status": "suspicious" if reason else "ok", "reason": reason}
    return {"score": 2.0 if reason else 0.0, "values": {"slice_spacing": value | state}}


def put_cohort(out: Path) -> None:
    """Equal cases, one suspicious, one that only differs from the others, one that is stale."""
    made = [CaseResult(id=f"c{n:02}", status="done", qc=quality(1.0)) for n in range(20)]
    odd = CaseResult(id="odd", status="done", qc=quality(5.0))
    wide = CaseResult(id="wide", status="done", qc=quality(20.0, "slices are 20 mm apart"))
    stale = CaseResult(id="stale", status="stale", qc=quality(30.0, "slices are 30 mm apart"))
    put(out, *made, odd, wide, stale)


def test_the_most_suspicious_scans_are_listed_with_reasons(
    line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_cohort(tmp_path)
    table = line("status", tmp_path).out.splitlines()[-2:]
    assert [text.split(maxsplit=2) for text in table] == [
        ["wide", "2", "slices are 20 mm apart"],
        ["odd", "1", "slice spacing is 5 mm, the median of all cases 1"],
    ]
    monkeypatch.setattr(status, "WORST", 1)
    answer = line("status", tmp_path)
    assert answer.out.splitlines()[-1].startswith("wide")
    assert "1 less suspicious scans are not listed; use -v to list all" in answer.err
    assert line("status", tmp_path, "-v").out.splitlines()[-2:] == table
    found = json.loads(line("status", tmp_path, "--json").out)["suspicious"]
    assert [(each["id"], each["score"]) for each in found] == [("wide", 2.0), ("odd", 1.0)]
    assert [each["median"] for each in found[1]["outliers"]] == [1.0]


def test_exports_have_the_rank_and_reasons_of_suspicious_scans_and_no_bounds(
    line: Line, tmp_path: Path
) -> None:
    put_cohort(tmp_path / "out")
    rows, lines, table = exported(line, tmp_path / "out", tmp_path)
    for found in (lines, table):
        ranks = {row["id"]: row["suspicion_rank"] for row in found if row["suspicion_rank"]}
        assert ranks == {"wide": 1, "odd": 2}
    assert {row["id"]: row["suspicion"] for row in rows if row["suspicion"]} == {
        "wide": "2.0",
        "odd": "1.0",
    }
    assert next(row for row in table if row["id"] == "wide")["suspicion_reasons"].endswith("apart")
    assert [name for name in rows[0] if name.startswith("qc_")] == [
        "qc_score",
        *(f"qc_values_slice_spacing_{name}" for name in ("value", "unit", "status", "reason")),
    ]
    assert lines[0]["qc"]["values"]["slice_spacing"]["source"] == "a paper"


def test_exports_have_the_grids_and_times_of_each_case(
    line: Line, scan: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.nii.gz"
    broken.write_bytes(scan.read_bytes()[:300])
    line(*RUN, scan, broken, "-o", tmp_path / "out")
    rows, lines, table = exported(line, tmp_path / "out", tmp_path)
    for ball, failed in (rows, lines, table):
        assert (ball["id"], ball["status"]) == ("ball", "done")
        assert (failed["id"], failed["status"]) == ("broken", "failed")
    assert [float(rows[0][f"source_spacing_{axis}_mm"]) for axis in "ijk"] == [2.0, 2.0, 3.0]
    assert [table[0][f"source_shape_{axis}"] for axis in "ijk"] == [24, 20, 12]
    assert (table[0]["source_orientation"], table[0]["output_orientation"]) == ("LPS", "RAS")
    assert rows[1]["source_shape_i"] == ""
    assert table[1]["source_shape_i"] is None
    record = json.loads((tmp_path / "out" / "cases" / "ball" / "record.json").read_text())
    assert lines[0]["record"] == record
    assert isinstance(table[0]["seconds"], float)


def test_formulas_are_inert_and_numbers_stay_numbers(line: Line, tmp_path: Path) -> None:
    texts = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "plain"]
    put(
        tmp_path / "out",
        *(
            CaseResult(id=f"c{n}", status="failed", message=text, qc={"air_hu": -998.5, "n": n})
            for n, text in enumerate(texts)
        ),
        CaseResult(id="c9", status="failed", message="x", qc={"air_hu": float("nan")}),
    )
    rows, lines, table = exported(line, tmp_path / "out", tmp_path)
    assert [row["message"] for row in rows[:6]] == [f"'{text}" for text in texts[:5]] + ["plain"]
    assert [float(row["qc_air_hu"]) for row in rows[:6]] == [-998.5] * 6
    assert rows[6]["qc_air_hu"] == ""
    assert [row["message"] for row in lines[:6]] == texts
    assert [row["qc_n"] for row in table] == [0, 1, 2, 3, 4, 5, None]
    assert lines[6]["qc"] == {"air_hu": None}


def test_no_export_has_a_path_or_what_identifies_a_patient(line: Line, tmp_path: Path) -> None:
    from pydicom import dcmread

    phantom = head(grid_about((0, -4, 10), shape=(32, 32, 10), spacing_mm=(8, 8, 16)))
    header = dcmread(write_series(phantom, tmp_path / "SECRET").files[0])
    names = ("PatientName", "PatientID", "StudyInstanceUID", "SeriesInstanceUID")
    words = [*(str(header[name].value) for name in names), "SECRET", str(tmp_path)]
    line(*RUN, tmp_path / "SECRET", "-o", tmp_path / "out")
    exported(line, tmp_path / "out", tmp_path)
    for suffix in ("csv", "jsonl", "parquet"):
        data = (tmp_path / f"cases.{suffix}").read_bytes()
        assert not [word for word in words if word and word.encode() in data]


def test_without_pyarrow_the_extra_is_named(
    line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path / "out", CaseResult(id="a", status="done"))
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    answer = line("status", tmp_path / "out", "--parquet", tmp_path / "x.parquet", "--json")
    assert (answer.status, json.loads(answer.out)["error"]["code"]) == (1, "MISSING_EXTRA")
    assert "pip install hounsfield[parquet]" in answer.err
    assert not (tmp_path / "x.parquet").exists()


@pytest.mark.parametrize("version", ADDED)
def test_earlier_manifests_are_listed_and_unchanged(
    version: int, line: Line, scan: Path, tmp_path: Path
) -> None:
    line(*RUN, scan, "-o", tmp_path / "out")
    make_old(tmp_path / "out", version)
    before = (tmp_path / "out" / "manifest.db").read_bytes()
    rows, _, table = exported(line, tmp_path / "out", tmp_path)
    assert (rows[0]["id"], rows[0]["status"], table[0]["attempts"]) == ("ball", "done", 1)
    assert (tmp_path / "out" / "manifest.db").read_bytes() == before


def test_a_newer_manifest_is_one_line(line: Line, tmp_path: Path) -> None:
    put(tmp_path, CaseResult(id="a", status="done"))
    connection = sqlite3.connect(tmp_path / "manifest.db")
    connection.execute("PRAGMA user_version = 9")
    connection.close()
    answer = line("status", tmp_path)
    assert (answer.status, len(answer.lines)) == (1, 1)
    assert "newer than 4" in answer.err


def test_a_run_that_goes_on_is_read_and_not_held_up(tmp_path: Path) -> None:
    put(tmp_path, CaseResult(id="a", status="done"))
    writer = sqlite3.connect(tmp_path / "manifest.db", isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("DELETE FROM cases")
    assert [case.id for case in read_status(tmp_path).cases] == ["a"]
    writer.execute("COMMIT")
    writer.close()
    assert read_status(tmp_path).cases == ()


def test_what_a_killed_run_has_half_written_is_not_shown_and_not_touched(tmp_path: Path) -> None:
    out, killed = tmp_path / "out", tmp_path / "killed"
    results = [CaseResult(id=f"c{n}", status="done", message="x" * 2000) for n in range(50)]
    put(out, *results)
    writer = sqlite3.connect(out / "manifest.db", isolation_level=None)
    writer.execute("PRAGMA cache_size = 1")  # changes reach the file before the end
    writer.execute("BEGIN")
    writer.execute("UPDATE cases SET status = 'failed', message = message || 'y'")
    shutil.copytree(out, killed)
    writer.execute("ROLLBACK")
    writer.close()
    before = {path.name: path.read_bytes() for path in killed.iterdir()}
    assert before["manifest.db"] != (out / "manifest.db").read_bytes()
    assert {case.status for case in read_status(killed).cases} == {"done"}
    assert {path.name: path.read_bytes() for path in killed.iterdir()} == before
