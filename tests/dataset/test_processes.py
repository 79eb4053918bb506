"""Workers that die, hang or are interrupted: real processes, real signals."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from hounsfield.core.errors import HounsfieldError
from hounsfield.dataset.case import CaseResult, CaseSource
from hounsfield.dataset.describe_error import describe_error
from hounsfield.dataset.engines.local import LocalEngine
from hounsfield.dataset.engines.worker import Worker
from hounsfield.dataset.run import run_dataset
from hounsfield.dataset.run_config import RunConfig
from hounsfield.testing.engines import PIPELINE, scans


@dataclass(frozen=True, slots=True, kw_only=True)
class TroubledConfig(RunConfig):
    """A run whose case 'scan1' is killed or hangs in its first `attempts` attempts."""

    trouble: str = "kill"
    attempts: int = 1

    def folder(self, case_id: str) -> Path:
        """Return a case's folder; in a worker, get into trouble first."""
        import multiprocessing

        if case_id == "scan1" and multiprocessing.parent_process() is not None:
            log = self.out.parent / "attempts"
            with log.open("a") as file:
                file.write("x")
            if log.stat().st_size <= self.attempts:
                os.kill(os.getpid(), signal.SIGKILL) if self.trouble == "kill" else time.sleep(60)
        return RunConfig.folder(self, case_id)


def run_troubled(tmp_path: Path, *, limit: float | None = None, **more: object) -> list[CaseResult]:
    config = TroubledConfig(pipeline=PIPELINE, out=tmp_path / "out", **more)  # type: ignore[arg-type]
    engine = LocalEngine(workers=2, timeout_seconds=limit)
    return list(run_dataset(config, scans(tmp_path, count=3), engine=engine).cases)


@pytest.mark.parametrize(
    ("trouble", "limit"), [("kill", None), pytest.param("hang", 4.0, marks=pytest.mark.slow)]
)
def test_a_case_that_loses_its_worker_once_is_done_in_a_second_attempt(
    trouble: str, limit: float | None, tmp_path: Path
) -> None:
    results = run_troubled(tmp_path, trouble=trouble, limit=limit)
    assert [result.status for result in results] == ["done"] * 3
    assert (tmp_path / "attempts").stat().st_size >= 2
    assert [path.name[0] for path in (tmp_path / "out" / "cases").iterdir()] == ["s"] * 3


@pytest.mark.parametrize(
    ("trouble", "limit", "code", "words"),
    [
        ("kill", None, "WORKER_DIED", "ended by signal 9 in two attempts"),
        pytest.param(
            "hang",
            4.0,
            "TIMEOUT",
            "took over 4 s in two attempts; raise --timeout",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_case_that_loses_its_worker_twice_has_failed_and_the_others_are_done(
    trouble: str, limit: float | None, code: str, words: str, tmp_path: Path
) -> None:
    begun = time.monotonic()
    results = run_troubled(tmp_path, trouble=trouble, limit=limit, attempts=9)
    assert time.monotonic() - begun < 40
    assert [(each.id, each.status, each.code) for each in results] == [
        ("scan0", "done", ""),
        ("scan1", "failed", code),
        ("scan2", "done", ""),
    ]
    assert words in results[1].message
    assert (tmp_path / "attempts").stat().st_size == 2


def test_one_worker_with_a_time_limit_is_a_process(tmp_path: Path) -> None:
    config = TroubledConfig(pipeline=PIPELINE, out=tmp_path / "out", trouble="hang", attempts=1)
    engine = LocalEngine(workers=1, timeout_seconds=3)
    results = list(engine.run(config, scans(tmp_path, count=2)))
    assert sorted((each.id, each.status) for each in results) == [
        ("scan0", "done"),
        ("scan1", "done"),
    ]


def test_a_process_that_the_system_does_not_start_ends_the_run_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*arguments: object, **keywords: object) -> Worker:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(Worker, "start", refused)
    config = RunConfig(pipeline=PIPELINE, out=tmp_path / "out")
    with pytest.raises(HounsfieldError, match=r"a worker process cannot be started .* use fewer"):
        list(LocalEngine(workers=2).run(config, scans(tmp_path, count=2)))


def test_a_script_that_its_workers_cannot_import_ends_the_run_with_the_reason(
    tmp_path: Path,
) -> None:
    scans(tmp_path, count=3)
    script = tmp_path / "script.py"
    script.write_text(
        "import hounsfield as hu\n"
        f"hu.run('isotropic-mip', {str(tmp_path)!r}, {str(tmp_path / 'out')!r}, workers=2,"
        " linkage=False)\n"
    )
    found = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, timeout=60, check=False
    )
    assert found.returncode == 1
    assert "before its first case; in a script, call hu.run under if __name__" in found.stderr
    assert "out of memory" not in found.stderr
    assert not list((tmp_path / "out" / "cases").iterdir())


def test_a_run_goes_on_with_the_processes_that_could_be_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, started = Worker.start, []

    def once(config: RunConfig, *, threads: int) -> Worker:
        if started:
            raise RuntimeError("can't start new thread")
        started.append(real(config, threads=threads))
        return started[0]

    monkeypatch.setattr(Worker, "start", once)
    config = RunConfig(pipeline=PIPELINE, out=tmp_path / "out")
    results = list(LocalEngine(workers=2).run(config, scans(tmp_path, count=3)))
    assert [result.status for result in results] == ["done"] * 3


def test_a_thread_that_cannot_be_started_fails_the_case_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    (case,) = scans(tmp_path, count=1)
    monkeypatch.setattr(threading.Thread, "start", refused)
    config = RunConfig(pipeline=PIPELINE, out=tmp_path / "out")
    (result,) = LocalEngine(workers=1).run(config, [case])
    assert (result.status, result.code) == ("failed", "RESOURCES")
    assert "can't start new thread" in result.message
    for error in (OSError(errno.EMFILE, "x"), RuntimeError("Resource temporarily unavailable")):
        assert describe_error(error).code == "RESOURCES"
    assert describe_error(RuntimeError("DOE")).code == "INTERNAL"


LINGER = """
import sys, time
from pathlib import Path
import hounsfield.dataset.run_case as cases
real = cases.write_text
def slow(path, text):
    time.sleep(60) if path.name == "record.json" else None
    real(path, text)
cases.write_text = slow
if __name__ == "__main__":
    from hounsfield.__main__ import main
    sys.exit(main(["run", "isotropic-mip", sys.argv[1], "-o", sys.argv[2], "-j", "2", "-q"]))
"""
"""A run whose cases stay within their partial folder."""


@pytest.fixture
def lingering(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A run with two workers that have both begun to write a case."""
    scans(tmp_path, count=3)
    (tmp_path / "in").mkdir()
    for path in tmp_path.glob("scan*.nii.gz"):
        path.rename(tmp_path / "in" / path.name)
    (tmp_path / "script.py").write_text(LINGER)
    environment = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path / "config")}
    environment |= {"XDG_STATE_HOME": str(tmp_path / "state")}
    process = subprocess.Popen(
        [sys.executable, str(tmp_path / "script.py"), str(tmp_path / "in"), str(tmp_path / "out")],
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        start_new_session=True,
    )
    cases = tmp_path / "out" / "cases"
    limit = time.monotonic() + 60
    while len(list(cases.glob(".*.part/image.nii.gz"))) < 2 and time.monotonic() < limit:
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    yield process
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def workers_of(process: int) -> list[int]:
    listed = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii")
    return [int(word) for word in listed.split()]


def wait_for_the_end(processes: list[int], *, seconds: float) -> bool:
    """Whether all processes end in time; a zombie that nobody reaps has ended."""
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        if not any(is_alive(each) for each in processes):
            return True
        time.sleep(0.05)
    return False


def is_alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
@pytest.mark.parametrize(
    ("number", "to_all", "status"),
    [(signal.SIGINT, True, 130), (signal.SIGINT, False, 130), (signal.SIGTERM, False, 143)],
    ids=["Ctrl-C", "SIGINT", "SIGTERM"],
)
def test_a_signal_ends_the_run_within_5_s_without_orphans_or_partial_outputs(
    number: int, to_all: bool, status: int, tmp_path: Path, lingering: subprocess.Popen[str]
) -> None:
    workers = workers_of(lingering.pid)
    asked = time.monotonic()
    (os.killpg if to_all else os.kill)(lingering.pid, number)
    _, err = lingering.communicate(timeout=20)
    assert wait_for_the_end(workers, seconds=1)
    assert time.monotonic() - asked < 5
    assert lingering.returncode == status
    assert "Traceback" not in err
    assert list((tmp_path / "out" / "cases").iterdir()) == []
    assert not (tmp_path / "out" / ".lock").exists()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_workers_end_with_a_killed_run_and_the_next_run_removes_what_they_left(
    tmp_path: Path, lingering: subprocess.Popen[str]
) -> None:
    workers = workers_of(lingering.pid)
    lingering.kill()
    lingering.communicate(timeout=20)
    assert wait_for_the_end(workers, seconds=5)
    cases = tmp_path / "out" / "cases"
    assert list(cases.glob(".*.part"))
    case = CaseSource(id="other", path=tmp_path / "in" / "scan0.nii.gz")
    run_dataset(RunConfig(pipeline=PIPELINE, out=tmp_path / "out"), [case])
    assert [path.name for path in cases.iterdir()] == ["other"]
