"""Slices finished where they are decoded are the same as the sampling's, or are left to it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset

from hounsfield.core.policy import ReadPolicy
from hounsfield.io.dicom.read import open_dicom
from tests.io.dicom.scanner import truth, write


@pytest.mark.parametrize("dtype", [np.int16, np.uint16])
@pytest.mark.parametrize("pad", [None, 0, 32000])
@pytest.mark.parametrize("intercept", [0, -1024, -1000.5])
@pytest.mark.parametrize("high", [2000, 40_000])
def test_finished_values_are_the_sampled_ones(
    tmp_path: Path, dtype: type, pad: int | None, intercept: float, high: int
) -> None:
    pixels = np.random.default_rng(3).integers(0, high, (4, 6, 8)).astype(np.int32).astype(dtype)
    if pad is not None:
        pixels[:, :2] = np.array(pad).astype(dtype)

    def change(data: Dataset, k: int) -> None:
        data.RescaleIntercept = intercept
        if pad is not None:
            data.add_new(0x00280120, "US", pad)

    write(tmp_path, pixels, change=change)
    stack = open_dicom(tmp_path, policy=ReadPolicy())
    quick, slow = (
        stack.volume(),
        stack.replaced(decode=lambda start, stop: stack.decode(start, stop)).volume(),
    )
    assert np.array_equal(quick.array, slow.array)
    assert quick.array.dtype == slow.array.dtype


def test_finishing_is_what_happens_to_a_plain_series(tmp_path: Path) -> None:
    write(tmp_path, truth(4))
    stack = open_dicom(tmp_path, policy=ReadPolicy())
    values = stack.decode.rescaled(
        slopes=stack.slopes, intercepts=stack.intercepts, padding=None, background=-1024
    )
    assert np.array_equal(values.transpose(2, 1, 0), truth(4) - 1024)
