"""What a run prints while it goes on: one event per line, lines of progress, log records."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import hounsfield as hu
from hounsfield.cli import run_report
from hounsfield.dataset.case import CaseResult
from hounsfield.dataset.pace import RECENT, Pace
from tests.cli.conftest import Line


def copies(scan: Path, count: int) -> list[Path]:
    """Copies of a scan."""
    paths = [scan.with_name(f"scan{n}.nii.gz") for n in range(count)]
    for path in paths:
        path.write_bytes(scan.read_bytes())
    return paths


def test_json_is_a_line_for_each_event_and_ends_with_the_counts(
    line: Line, scan: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.nii.gz"
    broken.write_bytes(scan.read_bytes()[:300])
    answer = line("run", "isotropic-mip", scan, broken, "-o", tmp_path / "out", "--json")
    start, *cases, last = answer.events
    assert start == {"event": "start", "schema": 1, "version": hu.__version__, "cases": 2}
    assert {case["id"]: case["status"] for case in cases} == {"ball": "done", "broken": "failed"}
    assert {case["event"] for case in cases} == {"case"}
    assert last["event"] == "summary"
    assert (last["counts"]["done"], last["counts"]["failed"]) == (1, 1)
    assert set(last) == {"event", "schema", "counts", "missed", "unused", "findings", "labels"}
    assert str(tmp_path) not in answer.out


def test_an_error_is_the_only_event(line: Line, scan: Path, tmp_path: Path) -> None:
    answer = line("run", "nonsense", scan, "-o", tmp_path / "out", "--json")
    (event,) = answer.events
    assert (event["event"], event["error"]["status"]) == ("error", 2)


def test_an_event_is_printed_while_the_run_goes_on(scan: Path, tmp_path: Path) -> None:
    words = ["run", "isotropic-mip", *map(str, copies(scan, 3)), "-o", str(tmp_path / "out")]
    with subprocess.Popen(
        [sys.executable, "-m", "hounsfield", *words, "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["event"] == "start"
        assert json.loads(process.stdout.readline())["event"] == "case"
        assert process.poll() is None
        process.stdout.read()


@pytest.mark.parametrize("as_json", [False, True])
def test_without_a_terminal_progress_is_a_line_from_time_to_time(
    as_json: bool, line: Line, scan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["run", "isotropic-mip", *copies(scan, 3), "-o", tmp_path / "out"]
    words += ["--json"] if as_json else []
    assert "progress" not in line(*words).err
    monkeypatch.setattr(run_report, "PROGRESS_SECONDS", 0.0)
    answer = line(*words)
    found = [text for text in answer.lines if text.startswith("progress: ")]
    assert [text.split(" cases")[0] for text in found] == ["progress: 1 of 3", "progress: 2 of 3"]
    if as_json:
        events = [each for each in answer.events if each["event"] == "progress"]
        assert [each["done"] for each in events] == [1, 2]


def test_of_many_cases_only_problems_are_printed(
    line: Line, scan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_report, "MANY", 2)
    paths = copies(scan, 3)
    paths[1].write_bytes(b"broken")
    words = ["run", "isotropic-mip", *paths, "-o", tmp_path / "out"]
    answer = line(*words)
    assert not any(text.startswith("scan0") for text in answer.lines)
    assert any(text.startswith("error: ") and "scan1" in text for text in answer.lines)
    assert any(text.startswith("scan0") for text in line(*words, "-v").lines)


def test_the_log_has_ids_and_codes_alone(
    scan: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken = tmp_path / "broken.nii.gz"
    broken.write_bytes(scan.read_bytes()[:300])
    with (
        caplog.at_level(logging.INFO, "hounsfield"),
        pytest.warns(hu.HounsfieldWarning, match="1 case failed"),
    ):
        summary = hu.run("isotropic-mip", [scan, broken], tmp_path / "out", workers=1)
    texts = [record.getMessage() for record in caplog.records if record.name == "hounsfield"]
    assert texts[0] == "run of 2 cases started"
    assert texts[-1] == f"run ended: {summary}"
    assert {record.case: record.status for record in caplog.records[1:3]} == {  # type: ignore[attr-defined]
        "ball": "done",
        "broken": "failed",
    }
    assert not any(str(tmp_path) in text for text in texts)
    (failed,) = (case for case in summary.cases if case.status == "failed")
    assert any(f"case broken failed ({failed.code})" in text for text in texts)


def clock(times: list[float]) -> Callable[[], float]:
    """A clock that stands at the last of some times."""
    return lambda: times[-1]


def test_the_time_left_follows_the_recent_cases_and_not_those_up_to_date() -> None:
    times = [0.0]
    pace = Pace(1000, clock=clock(times))
    assert (pace.rate, pace.seconds_left) == (None, None)
    for _ in range(100):  # up to date, in no time
        pace.add(CaseResult(id="a", status="skipped"))
    assert pace.rate is None
    for seconds in (*[1.0] * 200, *[10.0] * RECENT):
        times.append(times[-1] + seconds)
        pace.add(CaseResult(id="a", status="done", memory_bytes=300_000_000))
    assert pace.rate == pytest.approx(0.1)
    assert pace.seconds_left == pytest.approx(6500)
    for _ in range(RECENT):
        pace.add(CaseResult(id="a", status="skipped"))
    assert pace.rate == pytest.approx(0.1)
    pace.add(CaseResult(id="b", status="failed"))
    pace.add(CaseResult(id="c", status="stale"))
    assert str(pace).startswith("401 of 1000 cases, 1 failed, ")
    assert str(pace).endswith(" s/case, 97 min left, 300 MB")


def test_a_stalled_run_has_an_ever_lower_rate() -> None:
    times = [0.0]
    pace = Pace(10, clock=clock(times))
    times.append(1.0)
    pace.add(CaseResult(id="a", status="done"))
    before = pace.seconds_left
    times.append(100.0)
    assert pace.seconds_left is not None
    assert before is not None
    assert pace.seconds_left > 50 * before
