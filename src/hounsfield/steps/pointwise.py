"""The base class of pointwise steps; clamped linear functions are fused with a sampling."""

from __future__ import annotations

from typing import Any

import numpy as np

from hounsfield.core.errors import QuantityError
from hounsfield.core.spec import Spec
from hounsfield.core.volume import Array, Case, Volume
from hounsfield.resampling.transfer import Transfer
from hounsfield.steps.base import image_only


class PointwiseStep:
    """A step that changes each value on its own.

    A subclass defines `plan`, and `transfer` or `values`.
    """

    __slots__ = ()

    def plan(self, spec: Spec) -> Spec:
        """Return the Spec of the new values."""
        raise QuantityError(f"{type(self).__name__} has no plan; it must define plan()")

    def transfer(self, spec: Spec) -> Transfer | None:
        """Return the step as a clamped linear function of values of `spec`, None if it is not."""
        return None

    def values(self, array: Array, spec: Spec) -> Array:
        """Return the new values of an array of any shape, in the planned dtype."""
        line = self.transfer(spec)
        if line is None:
            raise QuantityError(
                f"{type(self).__name__} is not linear; it must define values() or transfer()"
            )
        return transferred(array, line, self.plan(spec).dtype)

    def apply(self, case: Case) -> Case:
        """Change the image's values; labels and masks are unchanged."""
        spec = self.plan(case.image.spec)
        return image_only(case, Volume(self.values(case.image.array, case.image.spec), spec))


def transferred(array: Array, line: Transfer, dtype: np.dtype[Any]) -> Array:
    """Return a clamped linear function of an array, in its dtype if only clipped, else float32."""
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
