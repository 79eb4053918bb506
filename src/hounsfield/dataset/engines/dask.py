"""The engine of a Dask cluster: cases run on its workers, and only records travel."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from hounsfield.core.errors import HounsfieldError, MissingExtraError
from hounsfield.core.platform import set_threads, thread_count
from hounsfield.dataset.case import CaseResult, CaseSource
from hounsfield.dataset.run_case import run_case
from hounsfield.dataset.run_config import RunConfig
from hounsfield.io.bytes.atomic import remove_partial
from hounsfield.io.bytes.case_id import KEY_VARIABLE

if TYPE_CHECKING:
    from distributed import Client

CASES_PER_WORKER = 3
"""Cases that wait at each worker: the next one is there when a case ends, and a cluster's scheduler
holds few of ten thousand."""

CONNECT_SECONDS = 30.0
"""How long to wait for a scheduler; a batch system may start it a little later."""

ALLOWED_FAILURES = 0
"""Lost workers after which a local cluster gives up a task; the engine tries its case again."""

SILENT = "30s"
"""How long a worker of a local cluster may send no heartbeat before it counts as lost."""

TIMEOUT_TOPIC = "hounsfield-timeout"
"""The topic of events of the scheduler about cases that exceeded their time limit."""

ANY_PORT = "127.0.0.1:0"
"""The dashboard's address: any free port. The default port is taken by a second cluster of the same
machine, and then distributed warns."""

EXIT_STATUS = 3
"""The exit status of a worker process that ends itself since its case exceeds the time limit."""

EVENT_SECONDS = 0.5
"""Time to send the event; workers send what they have every few milliseconds."""

_one_at_a_time = threading.Lock()
"""Warning filters are global to a process, so that a process runs one case at a time."""


@dataclass(frozen=True, slots=True)
class DaskEngine:
    """An Engine on a Dask cluster.

    Parameters
    ----------
    scheduler
        The address of a scheduler, such as 'tcp://10.0.0.1:8786'; None starts a cluster on this
        machine.
    workers
        The number of processes of a cluster on this machine (None: one for each thread).
    timeout_seconds
        The time limit of a case (None: no limit). The process of a case that exceeds it ends, and
        is started again by its nanny.

    Raises
    ------
    MissingExtraError
        If distributed is not installed.
    HounsfieldError
        If the scheduler does not answer.

    Notes
    -----
    Workers read the sources and write the outputs themselves: paths must be the same on all
    machines, or be URLs. A case whose worker ends is run once more on another one; then it has
    failed.
    """

    scheduler: str | None = None
    workers: int | None = None
    timeout_seconds: float | None = None

    def run(self, config: RunConfig, cases: Iterable[CaseSource]) -> Generator[CaseResult]:
        """Run every case once and yield the results; closing the iterator cancels the others."""
        with _quiet(), ExitStack() as stack:
            client = stack.enter_context(self._client())
            threads = 0 if self.scheduler is not None else self._threads
            task = _Task(config, threads, self.timeout_seconds, os.environ.get(KEY_VARIABLE, ""))
            yield from _Cases(client, task, cases).results()

    @property
    def _processes(self) -> int:
        return max(1, thread_count() if self.workers is None else self.workers)

    @property
    def _threads(self) -> int:
        return max(1, thread_count() // self._processes)

    @contextmanager
    def _client(self) -> Iterator[Client]:
        """Connect to the scheduler, or start a cluster that ends with the block."""
        distributed = _distributed()
        if self.scheduler is not None:
            try:
                client = distributed.Client(self.scheduler, timeout=CONNECT_SECONDS)
            except (OSError, ValueError, TimeoutError) as error:
                raise HounsfieldError(
                    f"the Dask scheduler does not answer ({type(error).__name__}); check the "
                    "address given with --scheduler, such as tcp://HOST:8786"
                ) from None
            with client:
                yield client
            return
        with (
            _settings(),
            distributed.LocalCluster(
                n_workers=self._processes,
                threads_per_worker=1,
                processes=True,
                dashboard_address=ANY_PORT,
                memory_limit=0,
                host="127.0.0.1",
                silence_logs=logging.CRITICAL,
            ) as cluster,
            distributed.Client(cluster) as client,
        ):
            yield client


def _distributed() -> Any:
    try:
        import distributed
    except ImportError:
        raise MissingExtraError(
            "the engine 'dask' requires distributed; install it: pip install 'hounsfield[dask]'"
        ) from None
    return distributed


@contextmanager
def _settings() -> Iterator[None]:
    """Set what the scheduler of a local cluster does with lost workers."""
    import dask

    with dask.config.set(
        {
            "distributed.scheduler.allowed-failures": ALLOWED_FAILURES,
            "distributed.scheduler.worker-ttl": SILENT,
            "distributed.worker.memory.terminate": False,
            "distributed.admin.low-level-log-length": 100,
        }
    ):
        yield


@contextmanager
def _quiet() -> Iterator[None]:
    """Show only critical messages of distributed, which name tasks, hosts and lost workers."""
    _distributed()
    names = [name for name in logging.root.manager.loggerDict if name.startswith("distributed")]
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.CRITICAL)
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@dataclass(frozen=True, slots=True)
class _Task:
    """A case on a worker; `key_file` is the file of the key of case ids, or ''."""

    config: RunConfig
    threads: int
    timeout_seconds: float | None
    key_file: str

    def __call__(self, case: CaseSource) -> CaseResult:
        if self.key_file:
            os.environ.setdefault(KEY_VARIABLE, self.key_file)
        with _one_at_a_time, _time_limit(self.timeout_seconds, case.id):
            set_threads(self.threads or max(1, int(_worker().state.nthreads)))
            return run_case(self.config, case)


@contextmanager
def _time_limit(seconds: float | None, case_id: str) -> Iterator[None]:
    """End this process if the block takes over `seconds`; its nanny starts it again."""
    if seconds is None:
        yield
        return
    timer = threading.Timer(seconds, _end, args=(_worker(), case_id))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _end(worker: Any, case_id: str) -> None:
    """Tell the scheduler why this process ends, and end it."""
    with suppress(Exception):  # the case is lost without the event too
        worker.log_event(TIMEOUT_TOPIC, case_id)
        time.sleep(EVENT_SECONDS)
    os._exit(EXIT_STATUS)


def _worker() -> Any:
    from distributed import get_worker

    return get_worker()


class _Cases:
    """The cases of a run: those that wait, those that run, and those to be tried again alone.

    A worker that ends takes the cases that wait at it with it. Which one ended it is not known, so
    that each of them is tried once more when no other case is running.
    """

    def __init__(self, client: Client, task: _Task, cases: Iterable[CaseSource]) -> None:
        from distributed import as_completed

        self._client, self._limit = client, task.timeout_seconds
        self._task = task  # a few KB: data scattered to workers would be lost with them
        self._waiting = iter(cases)
        self._running: dict[str, CaseSource] = {}
        self._again: list[CaseSource] = []
        self._tried: set[str] = set()
        self._done = as_completed()

    def results(self) -> Generator[CaseResult]:
        """Yield the result of each case as it ends."""
        try:
            self._submit(self._window())
            for future in self._done:
                result = self._result(future, self._running.pop(future.key))
                future.release()
                self._submit(self._window() - len(self._running))
                if result is not None:
                    yield result
        finally:
            self._client.cancel(list(self._done.futures))

    def _window(self) -> int:
        return CASES_PER_WORKER * max(1, len(self._client.nthreads()))

    def _submit(self, count: int) -> None:
        for case in islice(self._waiting, max(0, count)):
            self._start(case)
        if not self._running and self._again:
            self._start(self._again.pop(0))

    def _start(self, case: CaseSource) -> None:
        is_second = case.id in self._tried
        task = replace(self._task, config=replace(self._task.config, is_second=is_second))
        future = self._client.submit(_run, task, case, pure=False)
        self._running[future.key] = case
        self._done.add(future)

    def _result(self, future: Any, case: CaseSource) -> CaseResult | None:
        """Return the result of a case whose task has ended; None if it is to be tried again."""
        error = None if future.status == "cancelled" else future.exception()
        if future.status == "finished":
            result: CaseResult = future.result()
            return replace(result, attempts=1 + (case.id in self._tried))
        if error is not None and type(error).__name__ != "KilledWorker":
            message = (
                f"the task did not run on the worker ({type(error).__name__}); check that all "
                "workers have the same versions of hounsfield and Python"
            )
            return CaseResult(id=case.id, status="failed", code="WORKER_DIED", message=message)
        remove_partial(self._task.config.out / "cases" / case.id)
        if case.id not in self._tried:
            self._tried.add(case.id)
            self._again.append(case)
            return None
        return self._lost(case)

    def _lost(self, case: CaseSource) -> CaseResult:
        """Return the result of a case whose workers ended."""
        limit = self._limit
        code = "WORKER_DIED"
        message = (
            "the worker ended in two attempts, possibly out of memory; use fewer workers per "
            "machine or a lower --memory"
        )
        if limit is not None and self._has_exceeded(case):
            code = "TIMEOUT"
            message = f"the case took over {limit:g} s in two attempts; raise --timeout"
        return CaseResult(id=case.id, status="failed", code=code, message=message, attempts=2)

    def _has_exceeded(self, case: CaseSource) -> bool:
        return any(found == case.id for _, found in self._client.get_events(TIMEOUT_TOPIC) or ())


def _run(task: _Task, case: CaseSource) -> CaseResult:
    return task(case)
