"""The result of a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from hounsfield.core.arguments import checked
from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.display import counted, html_value, spec_text
from hounsfield.core.volume import Volume
from hounsfield.pipeline.record import Record
from hounsfield.steps.split_slices import slices


@checked
@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Result:
    """Hold what a run returns.

    Parameters
    ----------
    volume : Volume
        The image.
    labels : mapping of str to Volume
        Labels by name, on the grid of the image.
    masks : mapping of str to Volume
        Masks by name, on the grid of the image.
    record : Record
        How they were made.
    diagnostics : tuple of Diagnostic, default ()
        Those of the source, then those of the steps.

    Examples
    --------
    >>> import numpy as np, hounsfield as hu
    >>> ct = hu.Volume.from_array(np.zeros((4, 4, 2), np.int16), affine=np.eye(4))
    >>> result = hu.Pipeline([hu.Clip(low_hu=-100, high_hu=1000)]).run(ct)
    >>> result.volume.background, list(result.masks)
    (-100.0, [])
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
