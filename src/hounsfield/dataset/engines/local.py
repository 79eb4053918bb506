"""The engine of this machine: cases run in this process or in several processes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import PipelineError
from hounsfield.core.interrupts import allowed
from hounsfield.core.platform import thread_count
from hounsfield.dataset.case import CaseResult, CaseSource
from hounsfield.dataset.engines.team import Team
from hounsfield.dataset.run_case import run_case
from hounsfield.dataset.run_config import RunConfig

LONGEST_SECONDS = 7 * 24 * 3600.0
"""The longest time limit of a case, a week: no case takes longer, and infinity is not a time."""


@dataclass(frozen=True, slots=True)
class LocalEngine:
    """An Engine on this machine.

    Parameters
    ----------
    workers
        The number of processes, which share the threads of
        `hounsfield.core.platform.thread_count`; 1 runs the cases in this process, None uses one
        process per thread.
    timeout_seconds
        The time limit of a case (None: no limit); a case can only be ended in its own process, so
        that with a limit one worker is a process too.
    in_process
        Whether one worker without a time limit is this process. Otherwise it is a process of its
        own, whose end, as for lack of memory, ends one case and not the run; it takes half a second
        to start.

    Raises
    ------
    PipelineError
        If the time limit is not over 0 and at most LONGEST_SECONDS.

    Notes
    -----
    A case whose process dies, is silent, or exceeds the time limit is run once more when no other
    case is running, with less memory, since memory may have been short; then it has failed. So is
    one that fails for lack of memory, threads or open files. A process is silent that neither
    reports nor computes for `hounsfield.dataset.engines.worker.SILENT_SECONDS`.

    Workers end with the thread that runs them, on Linux through the kernel, and have a share of the
    lock of the output folder until then. A run in this process ends with it: the C library ends a
    process that has no memory for the variables of a new thread.
    """

    workers: int | None = None
    timeout_seconds: float | None = None
    in_process: bool = True
    defers_signals: ClassVar[bool] = True

    def __post_init__(self) -> None:
        limit = self.timeout_seconds
        if limit is not None and not 0 < limit <= LONGEST_SECONDS:
            message = f"the time limit is {limit:g} s; expected over 0 and at most a week"
            raise PipelineError([Diagnostic("USAGE", "refusal", message, "--timeout")])

    def run(self, config: RunConfig, cases: Iterable[CaseSource]) -> Iterator[CaseResult]:
        """Run every case once and yield the results; closing the iterator ends the processes.

        Raises HounsfieldError if HOUNSFIELD_THREADS is not a positive integer, or if the system
        starts no process.
        """
        threads = thread_count()
        workers = threads if self.workers is None else self.workers
        if workers <= 1 and self.timeout_seconds is None and self.in_process:
            return _in_turn(config, cases)
        team = Team(
            config,
            cases,
            size=max(1, workers),
            threads=threads,
            timeout_seconds=self.timeout_seconds,
        )
        return team.results()


def _in_turn(config: RunConfig, cases: Iterable[CaseSource]) -> Iterator[CaseResult]:
    """Run cases in this process; one for which memory was short is tried again with less."""
    for case in cases:
        with allowed():
            result = run_case(config, case)
        if result.is_short:
            with allowed():
                result = run_case(replace(config, is_second=True), case)
        yield result
