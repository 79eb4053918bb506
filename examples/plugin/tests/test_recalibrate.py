"""The step keeps the laws of steps, and does what it says."""

import numpy as np
import pytest
from hounsfield_rawct.recalibrate import Recalibrate

import hounsfield as hu
from hounsfield.testing import StepTests


class TestRecalibrate(StepTests):
    def step(self) -> Recalibrate:
        return Recalibrate(water_hu=6, air_hu=-985)


def test_water_becomes_0_and_air_minus_1000() -> None:
    volume = hu.Volume.from_array(np.full((2, 2, 2), 6, np.int16), affine=np.eye(4))
    made = hu.Pipeline([Recalibrate(water_hu=6, air_hu=-985)]).run(volume).volume
    assert made.array.max() == pytest.approx(0, abs=1e-4)
    assert made.background == pytest.approx(-1000 * (1024 + 6) / 991)


def test_air_above_water_is_refused() -> None:
    with pytest.raises(hu.QuantityError, match="air_hu 10 is not below water_hu 0"):
        Recalibrate(air_hu=10)
