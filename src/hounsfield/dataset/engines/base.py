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
