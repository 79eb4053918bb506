"""How values become the whole numbers of a PNG, and back: value = stored * slope + intercept."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.errors import QuantityError
from hounsfield.core.spec import AIR_HU, Spec
from hounsfield.core.volume import Array

STEPS_HU = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0)
"""Steps of stored HU, finest first: parts of one by powers of two, so that whole HU fall on a step exactly; the first
spans 4096 HU over 16 bits, the range that scanners reconstruct into."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """value = stored * `slope` + `intercept`, stored being 0 to `top`."""

    slope: float
    intercept: float
    top: int

    def stored(self, values: Array) -> NDArray[np.uint16]:
        """The values as stored numbers, rounded; raises QuantityError where one lies outside."""
        scaled = np.rint((values.astype(np.float64) - self.intercept) / self.slope)
        if scaled.min() < 0 or scaled.max() > self.top:
            high = self.top * self.slope + self.intercept
            raise QuantityError(
                f"this PNG holds {self.intercept:g} to {high:g}, and values lie beyond; map them first"
            )
        return np.asarray(scaled.astype(np.uint16))


def scale_16(spec: Spec, low: float, high: float) -> Scale:
    """The 16-bit scale of a volume whose values run from `low` to `high`.

    Whole numbers are stored one to one. HU that are no whole numbers get the finest of STEPS_HU that spans them, so
    that whole HU among them come back exactly and others within half a step. Anything else is spread over its range.
    Raises QuantityError where whole numbers or HU span more than 65536.
    """
    span = 65535
    if spec.quantity == "unit" and low >= 0 and high <= 1:
        return Scale(slope=1 / span, intercept=0.0, top=span)
    if spec.dtype.kind in "biu" or spec.quantity == "hu":
        usual = AIR_HU if spec.quantity == "hu" else 0.0
        for step in STEPS_HU if spec.dtype.kind == "f" else (1.0,):
            for start in (usual, float(math.floor(low))):
                if start <= low and high <= start + span * step:
                    return Scale(slope=step, intercept=start, top=span)
        raise QuantityError(
            f"values run from {low:g} to {high:g}: 16 bits do not hold them; clip them first"
        )
    return Scale(slope=(high - low) / span or 1.0, intercept=low, top=span)


def scale_8(spec: Spec) -> Scale:
    """The 8-bit scale of what is ready to look at; raises QuantityError for what needs a window first."""
    if spec.quantity == "unit":
        return Scale(slope=1 / 255, intercept=0.0, top=255)
    if spec.quantity in ("display", "mask", "label"):
        return Scale(slope=1.0, intercept=0.0, top=255)
    raise QuantityError(
        f"8 bits cannot hold {spec.quantity}: run a Window, or Clip and MapRange, first, or choose "
        f"format='png' for 16 bits that keep the values"
    )
