"""The result of a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.display import counted, html_value, spec_text
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

    def __repr__(self) -> str:
        counts = ((self.labels, "label"), (self.masks, "mask"), (self.record.steps, "step"))
        texts = ", ".join(counted(len(values), noun) for values, noun in counts)
        return f"Result({spec_text(self.volume.spec)}, {texts})"

    def _repr_html_(self) -> str:
        rows = [("volume", spec_text(self.volume.spec)), ("labels", str(len(self.labels)))]
        rows += [("mask", f"{name}: {spec_text(mask.spec)}") for name, mask in self.masks.items()]
        rows += [("steps", self.record.step_names)]
        return html_value("Result", rows, png=self.volume._repr_png_())
