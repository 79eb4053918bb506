"""Correct the calibration of a scanner by two points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hounsfield.core.errors import QuantityError
from hounsfield.core.spec import Spec
from hounsfield.resampling.transfer import Transfer
from hounsfield.steps.parse import finite
from hounsfield.steps.pointwise import PointwiseStep, require


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalibrate(PointwiseStep):
    """Map HU by a line so that water becomes 0 HU and air -1000 HU.

    Parameters
    ----------
    water_hu
        The mean of water in a phantom on this scanner, HU.
    air_hu
        The mean of air there, HU; below `water_hu`.

    Raises
    ------
    QuantityError
        Where `air_hu` is not below `water_hu`, or the image is not in HU.

    Notes
    -----
    HU are defined by these two points: y = 1000 (x - water_hu) / (water_hu - air_hu).
    Dtype out: float32.

    Examples
    --------
    >>> Recalibrate(water_hu=6, air_hu=-985).line(6.0)
    0.0
    """

    water_hu: float = 0.0
    air_hu: float = -1000.0

    def __post_init__(self) -> None:
        if finite(self.air_hu, name="air_hu") >= finite(self.water_hu, name="water_hu"):
            raise QuantityError(f"air_hu {self.air_hu} is not below water_hu {self.water_hu}")

    @property
    def line(self) -> Transfer:
        """The line from measured to calibrated HU."""
        slope = 1000.0 / (self.water_hu - self.air_hu)
        return Transfer(slope=slope, intercept=-self.water_hu * slope)

    def plan(self, spec: Spec) -> Spec:
        """HU in float32, with background and bounds moved by the line."""
        require(spec, "hu", step="Recalibrate", why="it must come before Window and MapRange")
        bounds = None if spec.bounds is None else tuple(self.line(bound) for bound in spec.bounds)
        return spec.replaced(
            dtype=np.dtype(np.float32), background=self.line(spec.background), bounds=bounds
        )

    def transfer(self, spec: Spec) -> Transfer:
        """The line as a Transfer, so that the step runs in one pass with a resampling."""
        return self.line
