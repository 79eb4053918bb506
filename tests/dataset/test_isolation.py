"""A run keeps its workers apart: killed parents, stopped workers, signals and short memory."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import hounsfield.dataset.engines.worker as workers_module
import hounsfield.dataset.lock as lock_module
from hounsfield.core.errors import HounsfieldError, WriteError
from hounsfield.core.processes import exists
from hounsfield.core.thread_pool import ThreadPool
from hounsfield.dataset.engines.local import LocalEngine
from hounsfield.dataset.run import run_dataset
from hounsfield.dataset.run_config import RunConfig
from hounsfield.testing.engines import PIPELINE, config, scans

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc and prctl")


def environment(folder: Path) -> dict[str, str]:
    """The environment of a command whose key and state are below `folder`."""
    more = {"XDG_CONFIG_HOME": str(folder / "config"), "XDG_STATE_HOME": str(folder / "state")}
    return {**os.environ, **more}


def started(folder: Path, script: str, *arguments: str, **variables: str) -> subprocess.Popen[str]:
    """Start a script of `folder`, in a process group of its own."""
    (folder / "script.py").write_text(script)
    return subprocess.Popen(
        [sys.executable, str(folder / "script.py"), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(folder) | variables,
        start_new_session=True,
    )


def wait_until(is_true: object, *, seconds: float = 30.0) -> None:
    """Wait until a function returns something true; fail after a time."""
    limit = time.monotonic() + seconds
    while not is_true():  # type: ignore[operator]
        assert time.monotonic() < limit
        time.sleep(0.02)


RUN = """
import sys, time
from pathlib import Path
{patch}
if __name__ == "__main__":
    from hounsfield.__main__ import main
    sys.exit(main(["run", "isotropic-mip", sys.argv[1], "-o", sys.argv[2], "-q", *sys.argv[3:]]))
"""

STUBBORN = """
import os
import hounsfield.dataset.engines.worker as worker
import hounsfield.dataset.run_case as cases
worker._end_with_parent = lambda: None
real = cases.write_text
def slow(path, text):
    if path.name == "record.json":
        (Path(sys.argv[2]).parent / f"pid-{{os.getpid()}}").touch()
        for _ in range(100 if (Path(sys.argv[2]).parent / "slow").exists() else 0):
            time.sleep(0.03)
    real(path, text)
cases.write_text = slow
""".replace("{{", "{").replace("}}", "}")
"""A slow disk, and workers that do not end with their parent."""


@linux
def test_no_run_begins_while_a_worker_of_a_killed_run_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = scans(tmp_path, count=2)
    (tmp_path / "slow").touch()
    out = tmp_path / "out"
    process = started(tmp_path, RUN.format(patch=STUBBORN), str(tmp_path), str(out), "-j", "2")
    wait_until(lambda: len(list(tmp_path.glob("pid-*"))) == 2)
    process.kill()
    process.wait()
    orphans = [int(path.name[4:]) for path in tmp_path.glob("pid-*")]
    assert any(exists(each) for each in orphans)
    with monkeypatch.context() as patch:
        patch.setattr(lock_module, "ORPHAN_SECONDS", 0.1)
        patch.setattr(lock_module, "_end_orphans", lambda file: None)
        with pytest.raises(WriteError, match=r"has ended, but its workers have not"):
            run_dataset(config(out), cases, overwrite=True)
    assert list((out / "cases").glob(".*.part"))  # nothing is removed before they have ended
    summary = run_dataset(config(out), cases, overwrite=True)  # ends them
    assert not any(exists(each) for each in orphans)
    assert summary.count("done") == 2
    assert sorted(path.name for path in (out / "cases").iterdir()) == ["scan0", "scan1"]
    assert not (out / ".lock").exists()
    process.communicate()


LINGERING = """
import hounsfield.dataset.run_case as cases
real = cases.write_text
def slow(path, text):
    time.sleep(60) if path.name == "record.json" else None
    real(path, text)
cases.write_text = slow
"""
"""Workers that stay within a partial folder."""


def lingering(folder: Path, *, workers: int = 2) -> tuple[subprocess.Popen[str], list[int]]:
    """Start a run whose workers have begun to write; return it and its workers."""
    scans(folder, count=3)
    out = folder / "out"
    script = RUN.format(patch=LINGERING)
    process = started(folder, script, str(folder), str(out), "-j", str(workers))
    wait_until(lambda: len(list(out.glob("cases/.*.part/image.nii.gz"))) == workers)
    listed = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="ascii")
    found = [int(word) for word in listed.split()]
    return process, [each for each in found if "resource_tracker" not in command_of(each)]


def command_of(process: int) -> str:
    return Path(f"/proc/{process}/cmdline").read_text(encoding="utf-8", errors="replace")


@linux
def test_a_stopped_worker_ends_with_a_killed_parent_too(tmp_path: Path) -> None:
    process, workers = lingering(tmp_path)
    os.kill(workers[0], signal.SIGSTOP)
    process.kill()
    process.communicate(timeout=20)
    wait_until(lambda: not any(exists(each) for each in workers), seconds=5)


@linux
def test_a_worker_that_was_stopped_at_its_start_does_not_keep_the_next_run_out(
    tmp_path: Path,
) -> None:
    """It has not asked yet to be ended with its parent."""
    how = f"open({str(tmp_path / 'stopped')!r}, 'w').close(); os.kill(os.getpid(), signal.SIGSTOP)"
    (tmp_path / "sitecustomize.py").write_text(START.format(how=how))
    cases = scans(tmp_path, count=2)
    more = {"PYTHONPATH": f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"}
    process = started(tmp_path, RUN.format(patch=""), str(tmp_path), str(tmp_path / "out"), **more)
    lock = tmp_path / "out" / ".lock"
    wait_until(lambda: (tmp_path / "stopped").exists() and len(lock.read_text().split()) == 2)
    worker = int(lock.read_text().split()[1])
    process.kill()
    process.wait()
    assert exists(worker)
    summary = run_dataset(config(tmp_path / "out"), cases, overwrite=True)
    assert summary.count("done") == 2
    assert not exists(worker)
    process.communicate()


@linux
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_a_run_within_5_s_though_a_worker_is_stopped(
    number: signal.Signals, tmp_path: Path
) -> None:
    process, workers = lingering(tmp_path)
    os.kill(workers[1], signal.SIGSTOP)
    asked = time.monotonic()
    os.kill(process.pid, number)
    _, err = process.communicate(timeout=20)
    assert time.monotonic() - asked < 5
    assert process.returncode == (-number if number == signal.SIGHUP else 128 + number)
    assert not any(exists(each) for each in workers)
    assert "Traceback" not in err
    assert list((tmp_path / "out" / "cases").iterdir()) == []
    assert not (tmp_path / "out" / ".lock").exists()


class StoppedConfig(RunConfig):
    """A run whose case 'scan1' stops its process in every attempt."""

    def folder(self, case_id: str) -> Path:
        """Return a case's folder; for 'scan1', stop this process first."""
        if case_id == "scan1" and multiprocessing.parent_process() is not None:
            with (self.out.parent / "attempts").open("a") as file:
                file.write("x")
            os.kill(os.getpid(), signal.SIGSTOP)
        return RunConfig.folder(self, case_id)


@linux
@pytest.mark.slow
def test_a_stopped_worker_ends_its_case_and_not_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers_module, "SILENT_SECONDS", 1.2)
    run = StoppedConfig(pipeline=PIPELINE, out=tmp_path / "out")
    summary = run_dataset(run, scans(tmp_path, count=3), engine=LocalEngine(workers=2))
    assert [each.code for each in summary.cases] == ["", "WORKER_SILENT", ""]
    assert (tmp_path / "attempts").stat().st_size == 2
    kept = sorted(path.name for path in (tmp_path / "out" / "cases").iterdir())
    assert kept == ["scan0", "scan2"]


class ComputingConfig(RunConfig):
    """A run whose case 'scan1' computes for a second or two with Python's lock."""

    def folder(self, case_id: str) -> Path:
        """Return a case's folder; for 'scan1', after one long call."""
        if case_id == "scan1":
            sys.set_int_max_str_digits(0)
            assert len(str(7**100_000)) > 50_000
        return RunConfig.folder(self, case_id)


@linux
def test_a_worker_that_computes_without_a_report_is_not_silent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers_module, "SILENT_SECONDS", 0.2)  # it reports each second at most
    run = ComputingConfig(pipeline=PIPELINE, out=tmp_path / "out")
    engine = LocalEngine(workers=2)
    results = {each.id: each for each in engine.run(run, scans(tmp_path, count=2))}
    assert {each.status for each in results.values()} == {"done"}
    assert results["scan1"].seconds > 0.2


@linux
@pytest.mark.slow
def test_a_run_that_is_suspended_and_continued_loses_no_worker(tmp_path: Path) -> None:
    patch = """
import hounsfield.dataset.engines.team as team
import hounsfield.dataset.engines.worker as worker
import hounsfield.dataset.run_case as cases
worker.SILENT_SECONDS, team.TICK_SECONDS, team.AWAY_SECONDS = 1.0, 0.2, 0.5
real = cases.write_text
def slow(path, text):
    time.sleep(1) if path.name == "record.json" else None
    real(path, text)
cases.write_text = slow
"""
    scans(tmp_path, count=2)
    out = tmp_path / "out"
    script = RUN.format(patch=patch)
    process = started(tmp_path, script, str(tmp_path), str(out), "-j", "2", "--json")
    wait_until(lambda: len(list(out.glob("cases/.*.part/image.nii.gz"))) == 2)
    parts = {path.name for path in out.glob("cases/.*.part")}
    os.killpg(process.pid, signal.SIGSTOP)
    time.sleep(2)
    os.killpg(process.pid, signal.SIGCONT)
    wait_until(lambda: len(list(out.glob("cases/scan*"))) >= 1)
    assert {path.name for path in out.glob("cases/.*.part")} <= parts  # no second attempt
    process.communicate(timeout=20)
    assert process.returncode == 0


START = """
import os, signal, sys
if "--multiprocessing-fork" in sys.argv:
    {how}
"""


@linux
@pytest.mark.parametrize(
    ("how", "words"),
    [("os._exit(3)", "with status 3"), ("os.kill(os.getpid(), signal.SIGSEGV)", "by signal 11")],
    ids=["exit", "signal"],
)
def test_workers_that_die_at_their_start_end_the_run_in_one_line(
    how: str, words: str, tmp_path: Path
) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(START.format(how=how))
    scans(tmp_path, count=8)
    command = [sys.executable, "-m", "hounsfield", "run", "isotropic-mip", str(tmp_path)]
    more = {"PYTHONPATH": f"{tmp_path / 'site'}:{os.environ.get('PYTHONPATH', '')}"}
    found = subprocess.run(
        [*command, "-o", str(tmp_path / "out"), "-j", "2", "-q"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=environment(tmp_path) | more,
    )
    assert found.returncode == 1
    (line,) = found.stderr.splitlines()
    assert f"a worker process ended {words} before its first case" in line
    assert list((tmp_path / "out" / "cases").iterdir()) == []
    (case,) = scans(tmp_path, count=1)
    assert run_dataset(config(tmp_path / "out"), [case], overwrite=True).count("done") == 1


class MarkingConfig(RunConfig):
    """A run that leaves a file when a case has begun, and then waits a second."""

    def folder(self, case_id: str) -> Path:
        """Return a case's folder."""
        (self.out.parent / "begun").touch()
        time.sleep(1)
        return RunConfig.folder(self, case_id)


def test_a_worker_that_dies_at_its_start_later_on_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, count = workers_module.Worker.start, []

    def start(run: RunConfig, *, threads: int) -> workers_module.Worker:
        count.append(1)
        if len(count) == 2:
            monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
        worker = real(run, threads=threads)
        monkeypatch.delenv("PYTHONPATH", raising=False)
        return worker

    (tmp_path / "site").mkdir()
    how = "import time\n    while not os.path.exists({!r}): time.sleep(0.02)\n    os._exit(3)"
    how = how.format(str(tmp_path / "begun"))
    (tmp_path / "site" / "sitecustomize.py").write_text(START.format(how=how))
    monkeypatch.setattr(workers_module.Worker, "start", start)
    run = MarkingConfig(pipeline=PIPELINE, out=tmp_path / "out")
    results = list(LocalEngine(workers=2).run(run, scans(tmp_path, count=2)))
    assert [each.status for each in results] == ["done"] * 2
    assert len(count) >= 2


def test_a_pipeline_that_no_process_can_receive_is_one_line(tmp_path: Path) -> None:
    class Local(RunConfig):
        """A configuration that cannot be pickled, as its class is a function's own."""

    run = Local(pipeline=PIPELINE, out=tmp_path / "out")
    with pytest.raises(HounsfieldError, match=r"cannot be sent to a worker process .* in a module"):
        list(LocalEngine(workers=2).run(run, scans(tmp_path, count=2)))


STARVED = """
import resource, sys
from dataclasses import dataclass
from pathlib import Path
import numpy as np
from hounsfield.dataset.engines.local import LocalEngine
from hounsfield.dataset.run import run_dataset
from hounsfield.dataset.run_config import RunConfig
from hounsfield.testing.engines import PIPELINE, scans

class Greedy(RunConfig):
    def folder(self, case_id):
        if case_id == "scan1":
            np.ones(1 << 32, np.uint8)
        return RunConfig.folder(self, case_id)

if __name__ == "__main__":
    out = Path(sys.argv[1])
    used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + (1 << 30),) * 2)
    run = Greedy(pipeline=PIPELINE, out=out / "out")
    engine = LocalEngine(workers=int(sys.argv[2]))
    results = {each.id: each for each in engine.run(run, scans(out, count=4))}
    print(*(results[name].status + results[name].code for name in sorted(results)))
"""


@linux
@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_case_for_which_memory_is_short_fails_and_the_others_are_done(
    workers: int, tmp_path: Path
) -> None:
    process = started(tmp_path, STARVED, str(tmp_path), str(workers))
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert out.split() == ["done", "failedMEMORY", "done", "done"]


def test_a_thread_for_which_memory_is_short_is_a_memory_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Python would wait without end for a thread that has no memory to begin with."""
    import mmap

    def refused(*arguments: object) -> mmap.mmap:
        raise OSError(12, "Cannot allocate memory")

    with ThreadPool(1) as pool:
        assert pool.submit(int, "7").result() == 7
        monkeypatch.setattr(mmap, "mmap", refused)
        with pytest.raises(MemoryError):
            pool.submit(int, "7")


def test_memory_that_is_short_once_costs_a_second_attempt_with_smaller_slabs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import hounsfield.dataset.run_case as cases

    real, slabs = cases.slab_bytes, []

    def short(*arguments: object, **options: object) -> int:
        slabs.append(real(*arguments, **options))  # type: ignore[arg-type]
        if len(slabs) == 1:
            raise MemoryError
        return slabs[-1]

    monkeypatch.setattr(cases, "slab_bytes", short)
    (result,) = LocalEngine(workers=1).run(config(tmp_path / "out"), scans(tmp_path, count=1))
    assert result.status == "done"
    assert slabs[1] < slabs[0]


@linux
@pytest.mark.slow
def test_signals_at_random_moments_leave_nothing(tmp_path: Path) -> None:
    scans(tmp_path, count=12)
    out = tmp_path / "out"
    moments = random.Random(0)
    script = RUN.format(patch="")
    for n in range(SIGNALS):
        workers = 1 + n % 2
        number = moments.choice([signal.SIGINT, signal.SIGTERM])
        process = started(tmp_path, script, str(tmp_path), str(out), "-j", str(workers))
        wait_until(lambda: (out / ".lock").exists() or process.poll() is not None)  # noqa: B023
        time.sleep(moments.uniform(0, 0.6))
        asked = time.monotonic()
        moments.choice([os.kill, os.killpg])(process.pid, number)
        _, err = process.communicate(timeout=20)
        assert time.monotonic() - asked < 5
        assert process.returncode in (128 + number, 0), err
        assert "Traceback" not in err
        assert list(out.glob(".[!.]*")) + list(out.glob("cases/.*")) == []
    assert run_dataset(config(out), scans(tmp_path, count=12), overwrite=True).count("done") == 12


SIGNALS = int(os.environ.get("HOUNSFIELD_SIGNALS", "3"))
"""How often a run is ended by a signal, with one and with two workers in turn."""
