"""The protocol of an engine, which runs the cases of a dataset."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from hounsfield.dataset.case import CaseResult, CaseSource
from hounsfield.dataset.run_config import RunConfig


class Engine(Protocol):
    """Runs cases, such as in processes on this machine or on a cluster.

    `hounsfield.testing.EngineTests` tests the contract of an engine.

    Notes
    -----
    An engine calls `hounsfield.dataset.run_case.run_case` for each case, which returns every error
    as a failed result; only signals raise. A process runs one case at a time, because warning
    filters are global to a process.

    Signals (Ctrl-C, SIGTERM) may be raised while the next result is waited for. An engine whose
    attribute `defers_signals` is true is never left in the middle of a line: it waits within
    `hounsfield.core.interrupts.allowed()`, and signals are raised there alone.

    Workers must end with the run's process, and must not write once it has ended: the next run
    begins as soon as the lock of the output folder is free (`hounsfield.dataset.lock`).
    """

    def run(self, config: RunConfig, cases: Iterable[CaseSource]) -> Iterator[CaseResult]:
        """Run every case once and yield the results as they are ready, in any order.

        Parameters
        ----------
        config
            The configuration of the run.
        cases
            The cases; they may be consumed lazily.

        Returns
        -------
        Iterator[CaseResult]
            One result per case. Closing the iterator ends all work and all processes. A case whose
            process dies has a failed result.

        Raises
        ------
        Exception
            Errors that end the whole run only.
        """
