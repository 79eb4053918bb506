"""Run cases in worker processes: replace those that die, and end cases that take too long."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from multiprocessing.connection import wait

from hounsfield.core.interrupts import allowed
from hounsfield.core.platform import handling, ignored
from hounsfield.dataset.case import CaseResult, CaseSource
from hounsfield.dataset.engines.failures import died, no_process, no_start, overran, was_silent
from hounsfield.dataset.engines.worker import ALIVE, STARTED, Worker, stop
from hounsfield.dataset.run_config import RunConfig
from hounsfield.io.bytes.atomic import remove_partial

TICK_SECONDS = 1.0
"""How often limits are checked; workers report as often."""

AWAY_SECONDS = 3.0
"""A wait that lasts so much longer means that this process was stopped, as by Ctrl-Z."""

START_FAILURES = 8
"""Workers that are killed before any has begun a case, until the run ends: it is no accident."""


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
        self._has_begun, self._start_failures = False, 0
        self._checked = time.monotonic()

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
            worker.send(case, is_second=case.id in self._tried)

    def _next_case(self) -> CaseSource | None:
        """Return the next case; one that is tried again runs alone, after all others."""
        case = next(self._waiting, None)
        if case is None and self._again and not self._busy:
            self._drop(self._workers[1:])  # the memory of idle workers is for this case
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
        """Wait for a message or a limit, and return the workers concerned."""
        busy = self._busy
        limits = [left for worker in busy if (left := self._left(worker)) is not None]
        pause = min([*limits, TICK_SECONDS])
        with allowed():
            ready = wait([worker.pipe for worker in busy], pause)
        self._excuse(pause)
        return [worker for worker in busy if worker.pipe in ready or self._is_over(worker)]

    def _excuse(self, pause: float) -> None:
        """Excuse the workers for a time in which this process was stopped or waited for."""
        now = time.monotonic()
        away = now - self._checked - pause
        self._checked = now
        if away > AWAY_SECONDS:
            for worker in self._busy:
                worker.excuse(away)

    def _left(self, worker: Worker) -> float | None:
        return worker.seconds_left(self._timeout)

    def _is_over(self, worker: Worker) -> bool:
        return self._left(worker) == 0 or worker.is_silent()

    def _result(self, worker: Worker) -> CaseResult | None:
        """Return the result of a worker's case; None if it runs on or is to be tried again."""
        assert worker.case is not None
        if not worker.pipe.poll():
            return self._lost(worker, self._ended(worker))
        found = worker.receive()
        if found is None:
            return self._lost(worker, self._died(worker))
        if isinstance(found, str):
            assert found in (STARTED, ALIVE)
            self._has_begun = True
            return None
        if found.is_short:  # libraries may have been left half loaded
            return self._lost(worker, found)
        worker.case = None
        return found

    def _lost(self, worker: Worker, result: CaseResult) -> CaseResult | None:
        """Drop a worker that has lost its case; that is tried once more before it has failed."""
        case = worker.case
        assert case is not None
        self._drop([worker])
        remove_partial(self._config.out / "cases" / case.id)
        if case.id in self._tried:
            return result
        self._tried.add(case.id)
        self._again.append(case)
        return None

    def _drop(self, workers: list[Worker]) -> None:
        self._workers = [worker for worker in self._workers if worker not in workers]
        stop(workers)

    def _died(self, worker: Worker) -> CaseResult:
        """Return the failure of a worker that died; raise if none can be started."""
        assert worker.case is not None
        how = worker.how_it_ended()
        if not worker.has_begun and not self._has_begun:
            self._start_failures += 1
            if (worker.process.exitcode or 0) > 0 or self._start_failures >= START_FAILURES:
                raise no_start(how)
        return died(worker.case, how)

    def _ended(self, worker: Worker) -> CaseResult:
        """End a worker that is over its time, or silent."""
        assert worker.case is not None
        worker.process.kill()  # a stopped process does not see SIGTERM
        if self._timeout is not None and self._left(worker) == 0:
            return overran(worker.case, self._timeout)
        return was_silent(worker.case)
