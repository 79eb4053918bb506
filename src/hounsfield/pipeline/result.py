"""What a run gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.volume import Volume
from hounsfield.pipeline.record import Record
from hounsfield.steps.split_slices import slices


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Result:
    """The volume, the labels and masks by name, all on one grid, and the record of how they came about.

    `diagnostics` are those of the source, then those of the steps; the record has them as plain data.
    """

    volume: Volume
    labels: Mapping[str, Volume]
    masks: Mapping[str, Volume]
    record: Record
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def slices(self) -> Iterator[Volume]:
        """The volume's k-slices one by one, each in its place in the world."""
        return slices(self.volume)
