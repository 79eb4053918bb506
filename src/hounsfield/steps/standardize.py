"""Subtract a mean and divide by a standard deviation that are known beforehand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hounsfield.core.errors import QuantityError
from hounsfield.core.spec import Spec
from hounsfield.resampling.transfer import Transfer
from hounsfield.steps.parse import finite
from hounsfield.steps.pointwise import PointwiseStep, require


@dataclass(frozen=True, slots=True, kw_only=True)
class Standardize(PointwiseStep):
    """(HU - mean_hu) / sd_hu, with the mean and deviation of a data set, never of one scan: HU mean the same in all.

    Dtype out: float32, quantity 'standardized'.
    """

    mean_hu: float
    sd_hu: float

    def __post_init__(self) -> None:
        finite(self.mean_hu, name="mean_hu")
        if finite(self.sd_hu, name="sd_hu") <= 0:
            raise QuantityError(f"sd_hu is over 0, not {self.sd_hu}")

    def plan(self, spec: Spec) -> Spec:
        """Standardized values."""
        require(spec, "hu", step="Standardize")
        line = self.transfer(spec)
        bounds = None if spec.bounds is None else (line(spec.bounds[0]), line(spec.bounds[1]))
        return spec.replaced(
            dtype=np.dtype(np.float32),
            background=line(spec.background),
            bounds=bounds,
            quantity="standardized",
        )

    def transfer(self, spec: Spec) -> Transfer:
        """The line itself."""
        return Transfer(1 / self.sd_hu, -self.mean_hu / self.sd_hu)
