"""What runs the cases of a dataset: the protocol of an engine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from hounsfield.dataset.case import CaseResult, CaseSource
from hounsfield.dataset.run_config import RunConfig


class Engine(Protocol):
    """Something that runs cases, such as processes on this machine or on a cluster.

    `hounsfield.testing.EngineTests` holds what every engine must keep.

    Notes
    -----
    An engine calls `hounsfield.dataset.run_case.run_case` for each case, which raises nothing but signals. One process
    runs one case at a time, as Python's warning filters belong to the process.
    """

    def run(self, config: RunConfig, cases: Iterable[CaseSource]) -> Iterator[CaseResult]:
        """Run every case once and give the results as they end, in any order.

        Parameters
        ----------
        config
            What is done to every case.
        cases
            The cases; they may be taken as they are needed.

        Returns
        -------
        Iterator[CaseResult]
            One result per case. Closing it ends all work: no process is left. A case that ends its process is a
            failed result.

        Raises
        ------
        Exception
            Only what ends the whole run.
        """
