"""What pointwise steps share: each value changes by itself, and clamped lines fold into a sampling."""

from __future__ import annotations

from typing import Any

import numpy as np

from hounsfield.core.errors import QuantityError
from hounsfield.core.spec import Spec
from hounsfield.core.volume import Array, Case, Volume
from hounsfield.resampling.transfer import Transfer
from hounsfield.steps.base import image_only


class PointwiseStep:
    """A step that changes each value by itself; a subclass gives `plan`, and `transfer` or `values`."""

    __slots__ = ()

    def plan(self, spec: Spec) -> Spec:
        """What the values become."""
        raise QuantityError(f"{type(self).__name__} does not say what it makes")

    def transfer(self, spec: Spec) -> Transfer | None:
        """The step as a clamped line on values of `spec`, or None where it is not one."""
        return None

    def values(self, array: Array, spec: Spec) -> Array:
        """The new values of an array of any shape, in the planned dtype."""
        line = self.transfer(spec)
        if line is None:
            raise QuantityError(f"{type(self).__name__} is no line and gives no values of its own")
        return transferred(array, line, self.plan(spec).dtype)

    def apply(self, case: Case) -> Case:
        """Change the image's values; labels and masks stay."""
        spec = self.plan(case.image.spec)
        return image_only(case, Volume(self.values(case.image.array, case.image.spec), spec))


def transferred(array: Array, line: Transfer, dtype: np.dtype[Any]) -> Array:
    """An array through a clamped line: in its own dtype where it is only clipped, else in float32."""
    if line.slope == 1 and line.intercept == 0 and array.dtype == dtype:
        low = None if line.low == float("-inf") else dtype.type(_within(line.low, dtype))
        high = None if line.high == float("inf") else dtype.type(_within(line.high, dtype))
        return (
            np.asarray(np.clip(array, low, high))
            if (low, high) != (None, None)
            else array.copy(order="F")
        )
    out = array.astype(np.float32, order="F")
    out *= np.float32(line.slope)
    out += np.float32(line.intercept)
    np.clip(out, np.float32(line.low), np.float32(line.high), out=out)
    return out if dtype == np.float32 else np.rint(out).astype(dtype)


def require(spec: Spec, *quantities: str, step: str, why: str = "") -> None:
    """Raise QuantityError unless the values are one of `quantities`."""
    if spec.quantity not in quantities:
        wanted = " or ".join(quantities)
        raise QuantityError(
            f"{step} needs {wanted} and gets {spec.quantity}{'; ' + why if why else ''}"
        )


def _within(value: float, dtype: np.dtype[Any]) -> float:
    if dtype.kind not in "iu":
        return value
    limits = np.iinfo(dtype)
    return min(max(value, limits.min), limits.max)
