"""A process that runs cases one after another, and the parent's end of its pipe."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import cast

from hounsfield.core.platform import ignore_signal, process_context, set_threads
from hounsfield.dataset.case import CaseResult, CaseSource
from hounsfield.dataset.run_case import run_case
from hounsfield.dataset.run_config import RunConfig

STOP_SECONDS = 2.0
"""Time from terminating all workers to killing them; a run ends within 5 s of a signal."""

STARTED = "started"
"""What a worker sends before it runs a case; its time limit counts from here."""


@dataclass(slots=True, eq=False)
class Worker:
    """A process, the parent's end of its pipe, and the case that it runs since `started`.

    `has_begun` is whether it has begun any case.
    """

    process: SpawnProcess
    pipe: Connection
    case: CaseSource | None = None
    started: float | None = field(default=None, init=False)
    has_begun: bool = field(default=False, init=False)

    @classmethod
    def start(cls, config: RunConfig, *, threads: int) -> Worker:
        """Start a process; raises OSError or RuntimeError if the system has no more."""
        context = process_context()
        parent_end, worker_end = context.Pipe()
        process = context.Process(target=_work, args=(worker_end, config, threads), daemon=True)
        try:
            process.start()
        except BaseException:
            parent_end.close()
            raise
        finally:
            worker_end.close()
        return cls(process, parent_end)

    def send(self, case: CaseSource) -> None:
        """Give the worker a case; if it has died, `receive` reports it."""
        self.case, self.started = case, None
        with suppress(OSError):
            self.pipe.send(case)

    def receive(self) -> CaseResult | str | None:
        """Return the result of the case, STARTED, or None if the process has died."""
        try:
            found = self.pipe.recv()
        except (EOFError, OSError):
            return None
        if found == STARTED:
            self.started, self.has_begun = time.monotonic(), True
        return cast("CaseResult | str", found)

    def seconds_left(self, limit: float | None) -> float | None:
        """Return the time until the limit of its case; None without a limit."""
        if limit is None or self.started is None:
            return None
        return max(0.0, self.started + limit - time.monotonic())

    def how_it_ended(self) -> str:
        """Wait for the end of the process and describe it."""
        self.pipe.close()
        self.process.join()
        code = self.process.exitcode or 0
        return f"by signal {-code}" if code < 0 else f"with status {code}"


def stop(workers: Sequence[Worker]) -> None:
    """End the processes: all are terminated, and those still alive after STOP_SECONDS killed."""
    for worker in workers:
        worker.pipe.close()
        worker.process.terminate()
    limit = time.monotonic() + STOP_SECONDS
    for worker in workers:
        worker.process.join(max(0.0, limit - time.monotonic()))
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()


def _work(pipe: Connection, config: RunConfig, threads: int) -> None:
    """Run cases until the pipe closes; interrupts are handled by the parent process."""
    ignore_signal("SIGINT")
    _end_with_parent()
    set_threads(threads)
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            case = pipe.recv()
            pipe.send(STARTED)
            pipe.send(run_case(config, case))


def _end_with_parent() -> None:
    """End this process with its parent: a killed run must not write after the next has begun."""
    from multiprocessing import parent_process

    parent = parent_process()
    if parent is None:
        return

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    with suppress(RuntimeError):  # no thread can be started
        threading.Thread(target=watch, daemon=True).start()
