"""Standardize HU by the mean and standard deviation of a data set."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hounsfield.core.arguments import checked
from hounsfield.core.errors import QuantityError
from hounsfield.core.spec import Spec
from hounsfield.resampling.transfer import Transfer
from hounsfield.steps.parse import finite
from hounsfield.steps.pointwise import PointwiseStep, require


@checked
@dataclass(frozen=True, slots=True, kw_only=True)
class Standardize(PointwiseStep):
    """Subtract a mean and divide by a standard deviation that are those of a data set.

    The output is float32 with the quantity 'standardized'.

    Parameters
    ----------
    mean_hu : float
        Mean, HU.
    std_hu : float
        Standard deviation, HU, more than 0.

    Raises
    ------
    QuantityError
        If a number is not finite, or `std_hu` not positive.

    Notes
    -----
    ``y = (x - mean_hu) / std_hu``. HU mean the same in all scans, so the numbers of one scan would
    remove information.

    Examples
    --------
    >>> Standardize(mean_hu=50, std_hu=300).std_hu
    300
    """

    mean_hu: float
    std_hu: float

    def __post_init__(self) -> None:
        finite(self.mean_hu, name="mean_hu")
        if finite(self.std_hu, name="std_hu") <= 0:
            raise QuantityError(f"std_hu is {self.std_hu}; expected more than 0")

    def plan(self, spec: Spec) -> Spec:
        """Return the Spec of standardized values."""
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
        """Return the linear function."""
        return Transfer(1 / self.std_hu, -self.mean_hu / self.std_hu)
