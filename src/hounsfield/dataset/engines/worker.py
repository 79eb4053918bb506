"""A process that runs cases one after another, and the parent's end of its pipe."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import cast

from hounsfield.core.errors import HounsfieldError
from hounsfield.core.platform import ignore_signal, process_context, set_threads, without_signal
from hounsfield.core.processes import PARENT_ENDED, end_with_parent, processor_seconds
from hounsfield.dataset.case import CaseResult, CaseSource
from hounsfield.dataset.lock import LockShare, note_worker
from hounsfield.dataset.run_case import run_case
from hounsfield.dataset.run_config import RunConfig

STOP_SECONDS = 2.0
"""Time from terminating all workers to killing them; a run ends within 5 s of a signal."""

KILLED_SECONDS = 1.0
"""How long a killed process is waited for; one that writes to a slow disk ends after that, and
has its share of the lock until then."""

BEAT_SECONDS = 1.0
"""How often a worker reports that it is alive while it runs a case."""

SILENT_SECONDS = 30.0
"""How long a worker may neither report nor compute: it has been stopped, or the disk hangs."""

START_SECONDS = 120.0
"""The same before its first case: it imports the package, perhaps from a slow network."""

STARTED, ALIVE = "started", "alive"
"""What a worker sends before it runs a case, and each BEAT_SECONDS while it does."""


@dataclass(slots=True, eq=False)
class Worker:
    """A process, the parent's end of its pipe, and the case that it runs since `started`.

    `has_begun` is whether it has begun any case; it was `heard` of when it had used `computed`
    seconds of processor time.
    """

    process: SpawnProcess
    pipe: Connection
    case: CaseSource | None = None
    started: float | None = field(default=None, init=False)
    has_begun: bool = field(default=False, init=False)
    heard: float = field(default=0.0, init=False)
    computed: float | None = field(default=None, init=False)

    @classmethod
    def start(cls, config: RunConfig, *, threads: int) -> Worker:
        """Start a process; raises OSError or RuntimeError if the system has no more.

        Raises HounsfieldError if the pipeline cannot be sent to a process.
        """
        context = process_context()
        parent_end, worker_end = context.Pipe()
        arguments = (worker_end, config, threads, LockShare(config.out))
        process = context.Process(target=_work, args=arguments, daemon=True)
        try:
            with without_signal("SIGINT"):  # Ctrl-C is for this process, also while others start
                process.start()
        except BaseException as error:
            parent_end.close()
            if isinstance(error, OSError | RuntimeError) or not isinstance(error, Exception):
                raise
            raise _not_sent(error) from None
        finally:
            worker_end.close()
        note_worker(config.out, process.pid or 0)
        return cls(process, parent_end)

    def send(self, case: CaseSource, *, is_second: bool = False) -> None:
        """Give the worker a case; if it has died, `receive` reports it."""
        self.case, self.started = case, None
        self._hear()
        with suppress(OSError), self._limited():
            self.pipe.send((case, is_second))

    def receive(self) -> CaseResult | str | None:
        """Return the result of the case, STARTED, ALIVE, or None if the process has died."""
        try:
            with self._limited():
                found = self.pipe.recv()
        except Exception:  # it has died, or sent what cannot be read
            return None
        self._hear()
        if found == STARTED:
            self.started, self.has_begun = time.monotonic(), True
        return cast("CaseResult | str", found)

    @contextmanager
    def _limited(self) -> Iterator[None]:
        """Kill the process if it does not read or write the rest of a message within a time."""
        timer = threading.Timer(SILENT_SECONDS, self.process.kill)
        timer.daemon = True
        with suppress(RuntimeError, MemoryError):  # no thread can be started
            timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _hear(self) -> None:
        self.heard, self.computed = time.monotonic(), processor_seconds(self.process.pid or 0)

    def seconds_left(self, limit: float | None) -> float | None:
        """Return the time until the limit of its case; None without a limit."""
        if limit is None or self.started is None:
            return None
        return max(0.0, self.started + limit - time.monotonic())

    def is_silent(self) -> bool:
        """Return whether it has neither reported nor computed for too long.

        A call into C that keeps Python's lock stops its reports, but uses the processor.
        """
        limit = SILENT_SECONDS if self.has_begun else START_SECONDS
        if time.monotonic() - self.heard < limit:
            return False
        before = self.computed
        self._hear()
        return before is None or self.computed is None or self.computed <= before

    def excuse(self, seconds: float) -> None:
        """Do not count a time in which this process itself was stopped or busy."""
        self.heard += seconds
        if self.started is not None:
            self.started += seconds

    def how_it_ended(self) -> str:
        """Wait for the end of the process and describe it."""
        self.pipe.close()
        self.process.join(KILLED_SECONDS)
        if self.process.is_alive():  # it has closed its pipe alone
            stop([self])
        code = self.process.exitcode or 0
        return f"by signal {-code}" if code < 0 else f"with status {code}"


def _not_sent(error: Exception) -> HounsfieldError:
    """Return the error of a pipeline that cannot be pickled."""
    return HounsfieldError(
        f"the pipeline cannot be sent to a worker process ({type(error).__name__}); define its "
        "steps and functions in a module, or use one worker without a time limit"
    )


def stop(workers: Sequence[Worker]) -> None:
    """End the processes: all are terminated, and those still alive after STOP_SECONDS killed."""
    for worker in workers:
        worker.pipe.close()
        worker.process.terminate()
    limit = time.monotonic() + STOP_SECONDS
    for worker in workers:
        worker.process.join(max(0.0, limit - time.monotonic()))
    for worker in workers:
        if worker.process.is_alive():
            worker.process.kill()
    limit = time.monotonic() + KILLED_SECONDS
    for worker in workers:
        worker.process.join(max(0.0, limit - time.monotonic()))


def _work(pipe: Connection, config: RunConfig, threads: int, share: LockShare) -> None:
    """Run cases until the pipe closes; interrupts are handled by the parent process."""
    ignore_signal("SIGINT")
    _end_with_parent()
    set_threads(threads)
    second = replace(config, is_second=True)
    with suppress(EOFError, BrokenPipeError, ConnectionResetError), _Reports(pipe) as reports:
        while True:
            case, is_second = pipe.recv()
            reports.begin()
            reports.end(run_case(second if is_second else config, case))


class _Reports:
    """Messages of a worker: STARTED, ALIVE from a thread of its own, and results."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe, self._lock = pipe, threading.Lock()
        self._is_busy = threading.Event()

    def __enter__(self) -> _Reports:
        with suppress(RuntimeError):  # no thread can be started; its processor time shows its life
            threading.Thread(target=self._beat, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._is_busy.clear()

    def begin(self) -> None:
        """Report that a case begins."""
        self._send(STARTED)
        self._is_busy.set()

    def end(self, result: CaseResult) -> None:
        """Report the result of the case."""
        self._is_busy.clear()
        self._send(result)

    def _send(self, message: object) -> None:
        with self._lock:
            self._pipe.send(message)

    def _beat(self) -> None:
        with suppress(OSError):
            while self._is_busy.wait():
                time.sleep(BEAT_SECONDS)
                with self._lock:
                    if self._is_busy.is_set():
                        self._pipe.send(ALIVE)


def _end_with_parent() -> None:
    """End this process with its parent: a killed run must not write after the next has begun."""
    from multiprocessing import parent_process

    parent = parent_process()
    if parent is None:
        return
    if parent.pid is not None:
        end_with_parent(parent.pid)

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(PARENT_ENDED)

    with suppress(RuntimeError):  # no thread can be started
        threading.Thread(target=watch, daemon=True).start()
