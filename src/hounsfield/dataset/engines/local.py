"""Several processes that run cases: a case that kills its process fails alone, and none outlives the run."""

from __future__ import annotations

import multiprocessing
import signal
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import cast

from hounsfield.dataset.case import CaseSource
from hounsfield.dataset.case_result import CaseResult
from hounsfield.dataset.run_case import run_case
from hounsfield.dataset.run_config import RunConfig

STOP_SECONDS = 2.0
"""How long a worker that is told to stop may take before it is killed; a run ends within 5 s of a signal."""


@dataclass(slots=True)
class _Worker:
    """A process, our end of its pipe, and the case that it is at."""

    process: SpawnProcess
    pipe: Connection
    case: CaseSource | None = None


def run_in_workers(
    job: RunConfig, cases: Sequence[CaseSource], *, keys: dict[str, str], workers: int
) -> Iterator[CaseResult]:
    """Run `cases` in so many processes; outcomes come as they end, in any order.

    A process that dies fails its case, and another takes its place. Whatever ends this iterator ends the processes.
    """
    context = multiprocessing.get_context("spawn")
    waiting = deque(cases)
    team = [_started(context, job) for _ in range(workers)]
    try:
        for worker in team:
            _give(worker, waiting, keys)
        while any(worker.case is not None for worker in team):
            ready = wait([worker.pipe for worker in team if worker.case is not None])
            for n, worker in enumerate(team):
                if worker.pipe not in ready:
                    continue
                outcome = _received(worker)
                if outcome is None:
                    outcome = _died(worker)
                    team[n] = worker = _started(context, job)
                _give(worker, waiting, keys)
                yield outcome
    finally:
        _stop(team)


def _started(context: SpawnContext, job: RunConfig) -> _Worker:
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(theirs, job), daemon=True)
    process.start()
    theirs.close()
    return _Worker(process, ours)


def _work(pipe: Connection, job: RunConfig) -> None:
    """What a worker does until its pipe closes; signals are its parent's business."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        try:
            case, key = pipe.recv()
        except EOFError:
            return
        pipe.send(run_case(job, case, earlier_key=key))


def _give(worker: _Worker, waiting: deque[CaseSource], keys: dict[str, str]) -> None:
    worker.case = waiting.popleft() if waiting else None
    if worker.case is not None:
        worker.pipe.send((worker.case, keys.get(worker.case.id, "")))


def _received(worker: _Worker) -> CaseResult | None:
    try:
        return cast("CaseResult", worker.pipe.recv())
    except (EOFError, OSError):
        return None


def _died(worker: _Worker) -> CaseResult:
    assert worker.case is not None
    worker.process.join()
    code = worker.process.exitcode or 0
    how = f"by signal {-code}" if code < 0 else f"with status {code}"
    return CaseResult(
        id=worker.case.id,
        status="failed",
        code="WORKER_DIED",
        message=f"its process ended {how}, perhaps for want of memory: try fewer workers",
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
