"""Run cases in worker processes: replace those that die, and end cases that take too long."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, islice
from multiprocessing.connection import wait

from hounsfield.core.errors import HounsfieldError
from hounsfield.core.platform import handling, ignored
from hounsfield.dataset.case import CaseResult, CaseSource
from hounsfield.dataset.engines.worker import STARTED, Worker, stop
from hounsfield.dataset.run_config import RunConfig


class Team:
    """Workers that share `threads`; a case that ends its process or its time is run once more."""

    def __init__(
        self,
        config: RunConfig,
        cases: Iterable[CaseSource],
        *,
        size: int,
        threads: int,
        timeout_seconds: float | None = None,
    ) -> None:
        waiting = iter(cases)
        first = list(islice(waiting, size))
        self._config, self._timeout = config, timeout_seconds
        self._waiting = chain(first, waiting)
        self._size = max(1, len(first))
        self._threads = max(1, threads // self._size)
        self._workers: list[Worker] = []
        self._again: list[CaseSource] = []
        self._tried: set[str] = set()

    def results(self) -> Iterator[CaseResult]:
        """Yield the result of each case as it is ready; closing the iterator ends all processes."""
        try:
            self._give_cases()
            while self._busy:
                for worker in self._ready():
                    result = self._result(worker)
                    if result is not None:
                        self._give_cases()
                        yield result
                self._give_cases()
        finally:
            with handling("SIGINT", ignored):  # a second Ctrl-C must not leave processes
                stop(self._workers)

    @property
    def _busy(self) -> list[Worker]:
        return [worker for worker in self._workers if worker.case is not None]

    def _give_cases(self) -> None:
        """Give a case to every idle worker, and start workers up to the size of the team."""
        while len(self._busy) < self._size:
            case = self._next_case()
            if case is None:
                return
            worker = self._idle_worker()
            if worker is None:  # the workers that are running take it later
                self._waiting = chain([case], self._waiting)
                self._size = len(self._busy)
                return
            worker.send(case)

    def _next_case(self) -> CaseSource | None:
        """Return the next case; one that is tried again runs alone, after all others."""
        case = next(self._waiting, None)
        if case is None and self._again and not self._busy:
            return self._again.pop(0)
        return case

    def _idle_worker(self) -> Worker | None:
        """Return an idle worker, or a new one; None if no more can be started."""
        for worker in self._workers:
            if worker.case is None:
                return worker
        try:
            self._workers.append(Worker.start(self._config, threads=self._threads))
        except (OSError, RuntimeError) as error:
            if self._busy:
                return None
            raise no_process(error) from None
        return self._workers[-1]

    def _ready(self) -> list[Worker]:
        """Wait for a message or a time limit, and return the workers concerned."""
        busy = self._busy
        limits = [left for worker in busy if (left := self._left(worker)) is not None]
        ready = wait([worker.pipe for worker in busy], min(limits, default=None))
        return [worker for worker in busy if worker.pipe in ready or self._left(worker) == 0]

    def _left(self, worker: Worker) -> float | None:
        return worker.seconds_left(self._timeout)

    def _result(self, worker: Worker) -> CaseResult | None:
        """Return the result of a worker's case; None if it has begun or is to be tried again."""
        assert worker.case is not None
        found: CaseResult | str | None
        if worker.pipe.poll():
            found = worker.receive()
            if found is None:
                result = self._died(worker)
                if not worker.has_begun and (worker.process.exitcode or 0) > 0:
                    raise no_start(worker.process.exitcode or 0)
                return self._lost(worker, result)
            if isinstance(found, str):
                assert found == STARTED
                return None
            worker.case = None
            return found
        return self._lost(worker, self._overran(worker))

    def _lost(self, worker: Worker, result: CaseResult) -> CaseResult | None:
        """Drop a worker that has ended; its case is tried once more before it has failed."""
        case = worker.case
        assert case is not None
        self._workers.remove(worker)
        if case.id in self._tried:
            return result
        self._tried.add(case.id)
        self._again.append(case)
        return None

    def _died(self, worker: Worker) -> CaseResult:
        assert worker.case is not None
        return CaseResult(
            id=worker.case.id,
            status="failed",
            code="WORKER_DIED",
            message=f"the process ended {worker.how_it_ended()} in two attempts, possibly out of "
            "memory; use fewer workers or a lower --memory",
        )

    def _overran(self, worker: Worker) -> CaseResult:
        assert worker.case is not None
        stop([worker])
        return CaseResult(
            id=worker.case.id,
            status="failed",
            code="TIMEOUT",
            message=f"the case took over {self._timeout:g} s in two attempts; raise --timeout",
        )


def no_process(error: BaseException) -> HounsfieldError:
    """Return the error of a system that starts no worker process."""
    reason = getattr(error, "strerror", None) or str(error)
    return HounsfieldError(
        f"a worker process cannot be started ({reason}); use fewer workers or raise the limit of "
        "processes (ulimit -u)"
    )


def no_start(status: int) -> HounsfieldError:
    """Return the error of a worker process that ended by itself before its first case."""
    return HounsfieldError(
        f"a worker process ended with status {status} before its first case; in a script, call "
        "hu.run under if __name__ == '__main__', since the workers import the script"
    )
