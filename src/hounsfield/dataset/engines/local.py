"""The engine of this machine: cases run in this process or in several processes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import cast

from hounsfield.core.platform import ignore_signal, process_context, set_threads, thread_count
from hounsfield.dataset.case import CaseResult, CaseSource
from hounsfield.dataset.run_case import run_case
from hounsfield.dataset.run_config import RunConfig

STOP_SECONDS = 2.0
"""Time from terminating a worker to killing it; a run ends within 5 s of a signal."""


@dataclass(frozen=True, slots=True)
class LocalEngine:
    """An Engine on this machine.

    Parameters
    ----------
    workers
        The number of processes, which share the threads of
        `hounsfield.core.platform.thread_count`; 1 runs the cases in this process, None uses one
        process per thread.
    """

    workers: int | None = None

    def run(self, config: RunConfig, cases: Iterable[CaseSource]) -> Iterator[CaseResult]:
        """Run every case once and yield the results; closing the iterator ends the processes.

        Raises HounsfieldError if HOUNSFIELD_THREADS is not a positive integer.
        """
        threads = thread_count()
        workers = threads if self.workers is None else self.workers
        if workers <= 1:
            return (run_case(config, case) for case in cases)
        return _run_in_processes(config, cases, workers=workers, threads=threads)


@dataclass(slots=True)
class _Worker:
    """A process, the parent's end of its pipe, and the case that it runs."""

    process: SpawnProcess
    pipe: Connection
    case: CaseSource | None = None


def _run_in_processes(
    config: RunConfig, cases: Iterable[CaseSource], *, workers: int, threads: int
) -> Iterator[CaseResult]:
    """Run cases in processes that share `threads`; a process that dies is replaced."""
    waiting = iter(cases)
    first = list(islice(waiting, workers))
    each = max(1, threads // max(1, len(first)))
    team: list[_Worker] = []
    try:
        for case in first:
            team.append(_start_worker(config, each))
            _send(team[-1], case)
        while any(worker.case is not None for worker in team):
            ready = wait([worker.pipe for worker in team if worker.case is not None])
            for n, worker in enumerate(team):
                if worker.case is None or worker.pipe not in ready:
                    continue
                result = _receive(worker)
                following = next(waiting, None)
                if result is None:
                    result = _died(worker)
                    if following is not None:
                        team[n] = worker = _start_worker(config, each)
                _send(worker, following)
                yield result
    finally:
        _stop(team)


def _start_worker(config: RunConfig, threads: int) -> _Worker:
    context = process_context()
    parent_end, worker_end = context.Pipe()
    process = context.Process(target=_work, args=(worker_end, config, threads), daemon=True)
    process.start()
    worker_end.close()
    return _Worker(process, parent_end)


def _work(pipe: Connection, config: RunConfig, threads: int) -> None:
    """Run cases until the pipe closes; interrupts are handled by the parent process."""
    ignore_signal("SIGINT")
    set_threads(threads)
    while True:
        try:
            case = pipe.recv()
        except EOFError:
            return
        pipe.send(run_case(config, case))


def _send(worker: _Worker, case: CaseSource | None) -> None:
    worker.case = case
    if case is not None:
        with suppress(OSError):  # the process has died; reading the pipe reports it
            worker.pipe.send(case)


def _receive(worker: _Worker) -> CaseResult | None:
    try:
        return cast("CaseResult", worker.pipe.recv())
    except (EOFError, OSError):
        return None


def _died(worker: _Worker) -> CaseResult:
    assert worker.case is not None
    worker.pipe.close()
    worker.process.join()
    code = worker.process.exitcode or 0
    how = f"by signal {-code}" if code < 0 else f"with status {code}"
    return CaseResult(
        id=worker.case.id,
        status="failed",
        code="WORKER_DIED",
        message=f"the process ended {how}, possibly out of memory; use fewer workers",
    )


def _stop(team: Sequence[_Worker]) -> None:
    for worker in team:
        worker.pipe.close()
        worker.process.terminate()
    for worker in team:
        worker.process.join(STOP_SECONDS)
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()
