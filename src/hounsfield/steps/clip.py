"""Keep values within bounds in HU."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hounsfield.core.errors import QuantityError
from hounsfield.core.spec import Spec
from hounsfield.resampling.transfer import Transfer
from hounsfield.steps.parse import finite
from hounsfield.steps.pointwise import PointwiseStep, require


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip(PointwiseStep):
    """Values below `low_hu` become it, values above `high_hu` become that; the background too.

    Dtype: as it was, but float32 where an integer type could not hold a bound.
    """

    low_hu: float
    high_hu: float

    def __post_init__(self) -> None:
        if finite(self.low_hu, name="low_hu") >= finite(self.high_hu, name="high_hu"):
            raise QuantityError(f"low_hu {self.low_hu} is not below high_hu {self.high_hu}")

    def plan(self, spec: Spec) -> Spec:
        """HU within the bounds, which the spec now knows."""
        require(spec, "hu", step="Clip", why="it must come before Window, MapRange and Standardize")
        dtype = spec.dtype
        if dtype.kind in "iu":
            limits = np.iinfo(dtype)
            whole = all(float(bound).is_integer() for bound in (self.low_hu, self.high_hu))
            dtype = (
                dtype
                if whole and limits.min <= self.low_hu and self.high_hu <= limits.max
                else np.dtype(np.float32)
            )
        return spec.replaced(
            dtype=dtype,
            background=self.transfer(spec)(spec.background),
            bounds=(float(self.low_hu), float(self.high_hu)),
        )

    def transfer(self, spec: Spec) -> Transfer:
        """The bounds alone."""
        return Transfer(low=float(self.low_hu), high=float(self.high_hu))
