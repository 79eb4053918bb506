"""Engines: what they must keep, and what a run does with one that keeps less."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hounsfield.core.errors import unreadable
from hounsfield.core.platform import set_threads, thread_count
from hounsfield.dataset.case import CaseResult, CaseSource
from hounsfield.dataset.describe_error import describe_error
from hounsfield.dataset.engines.base import Engine
from hounsfield.dataset.engines.local import LocalEngine
from hounsfield.dataset.engines.worker import Worker
from hounsfield.dataset.run import run_dataset
from hounsfield.dataset.run_case import run_case
from hounsfield.dataset.run_config import RunConfig
from hounsfield.testing import EngineTests
from hounsfield.testing.engines import PIPELINE, config, scans


class TestInLine(EngineTests):
    has_processes = False

    def engine(self) -> Engine:
        return LocalEngine(workers=1)


class TestTwoProcesses(EngineTests):
    def engine(self) -> Engine:
        return LocalEngine(workers=2)

    def engine_with_limit(self, seconds: float) -> Engine:
        return LocalEngine(workers=2, timeout_seconds=seconds)


class ThreadEngine:
    """Cases on a thread, one at a time, newest first."""

    def run(self, config: RunConfig, cases: Iterable[CaseSource]) -> Iterator[CaseResult]:
        with ThreadPoolExecutor(1) as pool:
            for case in reversed(list(cases)):
                yield pool.submit(run_case, config, case).result()


class TestThread(EngineTests):
    has_processes = False

    def engine(self) -> Engine:
        return ThreadEngine()


class FaultyEngine:
    """An engine with one thing wrong."""

    def __init__(self, fault: str) -> None:
        self.fault = fault

    def run(self, config: RunConfig, cases: Iterable[CaseSource]) -> Iterator[CaseResult]:
        for n, case in enumerate(cases):
            if self.fault == "loses a case" and n == 1:
                continue
            result = run_case(config, case)
            if self.fault == "stops at a failure" and result.status == "failed":
                return
            yield result
            if self.fault == "runs a case twice":
                yield result
            if self.fault == "changes the bytes" and n == 1:
                (config.folder(case.id) / "more").write_text("more")


@pytest.mark.parametrize(
    ("fault", "test"),
    [
        ("loses a case", "every_case_ends_once_and_a_failure_stops_no_other"),
        ("runs a case twice", "every_case_ends_once_and_a_failure_stops_no_other"),
        ("stops at a failure", "every_case_ends_once_and_a_failure_stops_no_other"),
        ("changes the bytes", "the_bytes_depend_on_neither_the_engine_nor_the_order"),
    ],
)
def test_the_tests_find_a_faulty_engine(fault: str, test: str, tmp_path: Path) -> None:
    class Tests(EngineTests):
        def engine(self) -> Engine:
            return FaultyEngine(fault)

    with pytest.raises(AssertionError):
        getattr(Tests(), f"test_{test}")(tmp_path)


def test_a_run_says_which_cases_an_engine_lost(tmp_path: Path) -> None:
    cases = scans(tmp_path, count=3)
    summary = run_dataset(config(tmp_path / "out"), cases, engine=FaultyEngine("loses a case"))
    assert [(result.id, result.status) for result in summary.cases] == [
        ("scan0", "done"),
        ("scan1", "failed"),
        ("scan2", "done"),
    ]


def test_whatever_ends_a_run_closes_its_engine(tmp_path: Path) -> None:
    ended: list[Iterator[CaseResult]] = []

    class Results(list[CaseResult]):
        """Results that are more than a generator, which Python would close by itself."""

        def __next__(self) -> CaseResult:
            return self.pop()

        def __iter__(self) -> Iterator[CaseResult]:
            return self

        def close(self) -> None:
            ended.append(self)

    class Watched:
        def run(self, config: RunConfig, cases: Iterable[CaseSource]) -> Iterator[CaseResult]:
            return Results(run_case(config, case) for case in cases)

    def report(result: CaseResult) -> None:
        raise KeyboardInterrupt

    cases = scans(tmp_path, count=2)
    with pytest.raises(KeyboardInterrupt):
        run_dataset(config(tmp_path / "out"), cases, engine=Watched(), report=report)
    assert len(ended) == 1


def threads_of(folder: Path) -> set[int]:
    return {int(path.read_text()) for path in folder.glob("threads-*")}


class CountingConfig(RunConfig):
    """A run that leaves a file with the number of threads of each process."""

    def folder(self, case_id: str) -> Path:
        self.out.mkdir(exist_ok=True)
        (self.out / f"threads-{os.getpid()}").write_text(str(thread_count()))
        return RunConfig.folder(self, case_id)


@pytest.mark.parametrize(
    ("total", "workers", "each"), [(7, 2, 3), (1, 2, 1), (5, 1, 5), (2, None, 1)]
)
def test_workers_share_the_threads(
    total: int, workers: int | None, each: int, tmp_path: Path
) -> None:
    run = CountingConfig(pipeline=PIPELINE, out=tmp_path / "out")
    set_threads(total)
    try:
        results = list(LocalEngine(workers=workers).run(run, scans(tmp_path, count=3)))
    finally:
        set_threads(None)
    assert {result.status for result in results} == {"done"}
    assert threads_of(tmp_path / "out") == {each}


def test_a_wrong_number_of_threads_ends_a_run_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from hounsfield.cli.main import run_line

    (case,) = scans(tmp_path, count=1)
    monkeypatch.setenv("HOUNSFIELD_THREADS", "many")
    command = ["run", "isotropic-mip", str(case.path), "-o", str(tmp_path / "out")]
    assert run_line(command) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith(
        "HOUNSFIELD_THREADS is 'many'; expected a positive whole number: "
        "set it to 1 or more, or unset it"
    )


def test_any_error_is_described_without_its_text_or_its_file() -> None:
    known = describe_error(unreadable("DOE.dcm", "pixel data is missing\nthere", code="TRUNCATED"))
    assert (known.code, known.severity) == ("TRUNCATED", "refusal")
    assert "pixel data is missing" in known.message
    for error, code in ((KeyError("DOE"), "INTERNAL"), (MemoryError("DOE"), "MEMORY")):
        found = describe_error(error)
        assert (found.code, found.severity) == (code, "refusal")
    for found in (known, describe_error(KeyError("DOE"))):
        assert "DOE" not in str(found)


def test_a_process_that_cannot_start_fails_its_case(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Worker.start

    def started(run: RunConfig, *, threads: int) -> Worker:
        worker = real(run, threads=threads)
        worker.process.kill()
        worker.process.join()
        return worker

    monkeypatch.setattr(Worker, "start", started)
    results = list(LocalEngine(workers=2).run(config(tmp_path / "out"), scans(tmp_path, count=3)))
    assert [result.code for result in results] == ["WORKER_DIED"] * 3
