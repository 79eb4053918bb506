"""Scale values to the integers of a PNG: value = stored * slope + intercept."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.errors import QuantityError
from hounsfield.core.spec import AIR_HU, Spec
from hounsfield.core.volume import Array

STEPS_HU = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0)
"""Steps of stored HU, finest first: powers of two, so that integer HU are exact. The finest spans
4096 HU in 16 bits, the range of most scanners."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """value = stored * `slope` + `intercept`, with stored values 0 to `top`."""

    slope: float
    intercept: float
    top: int

    def stored(self, values: Array) -> NDArray[np.uint16]:
        """The stored values, rounded; raises QuantityError if one is out of range."""
        scaled = np.rint((values.astype(np.float64) - self.intercept) / self.slope)
        if scaled.min() < 0 or scaled.max() > self.top:
            high = self.top * self.slope + self.intercept
            raise QuantityError(
                f"values outside the PNG range {self.intercept:g} to {high:g}; rescale them first"
            )
        return np.asarray(scaled.astype(np.uint16))


def scale_16(spec: Spec, low: float, high: float) -> Scale:
    """The 16-bit scale of a volume with values `low` to `high`.

    Integers are stored unchanged. Fractional HU use the finest of STEPS_HU that spans them: integer
    HU are exact, others within half a step. Other values are scaled to their range. Raises
    QuantityError if integers or HU span more than 65536.
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
        raise QuantityError(f"values from {low:g} to {high:g} exceed 16 bits; clip them first")
    return Scale(slope=(high - low) / span or 1.0, intercept=low, top=span)


def scale_8(spec: Spec) -> Scale:
    """The 8-bit scale of display values; raises QuantityError if a window is needed first."""
    if spec.quantity == "unit":
        return Scale(slope=1 / 255, intercept=0.0, top=255)
    if spec.quantity in ("display", "mask", "label"):
        return Scale(slope=1.0, intercept=0.0, top=255)
    raise QuantityError(
        f"{spec.quantity} cannot be stored in 8 bits; apply Window, or Clip and MapRange, first, "
        "or use format='png' (16 bits)"
    )
