"""Clip values to bounds in HU."""

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
class Clip(PointwiseStep):
    """Clip HU to bounds, the background too.

    The dtype is kept, but for float32 where an integer type cannot represent a bound.

    Parameters
    ----------
    low_hu : float
        Lowest value, HU; lower ones become it.
    high_hu : float
        Highest value, HU; higher ones become it.

    Raises
    ------
    QuantityError
        If `low_hu` is not below `high_hu`.

    Examples
    --------
    >>> Clip(low_hu=-100, high_hu=1000).high_hu
    1000
    """

    low_hu: float
    high_hu: float

    def __post_init__(self) -> None:
        if finite(self.low_hu, name="low_hu") >= finite(self.high_hu, name="high_hu"):
            raise QuantityError(
                f"low_hu is {self.low_hu}; expected less than high_hu ({self.high_hu})"
            )

    def plan(self, spec: Spec) -> Spec:
        """Return a Spec of HU with these bounds."""
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
        """Return the identity within the bounds."""
        return Transfer(low=float(self.low_hu), high=float(self.high_hu))
