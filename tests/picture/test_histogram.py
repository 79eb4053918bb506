"""Histogram: every voxel counted once, the window where it says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hounsfield.core.volume import Volume
from hounsfield.picture import histogram
from hounsfield.picture.histogram import SIZE_PX, _counts, _ticks


@given(
    st.lists(st.integers(-3024, 4095), min_size=1, max_size=60),
    st.sampled_from([np.int16, np.int32, np.float32]),
)
def test_every_voxel_is_counted_once(values: list[int], dtype: type) -> None:
    volume = Volume.from_array(np.array(values, dtype).reshape(-1, 1, 1), affine=np.eye(4))
    counts, low, step = _counts(volume)
    assert counts.sum() == len(values)
    expected, _ = np.histogram(values, bins=low + step * np.arange(len(counts) + 1))
    if dtype != np.float32:
        assert counts.tolist() == expected.tolist()


@given(st.floats(-5000, 5000), st.floats(1e-3, 8000))
def test_ticks_are_round_few_and_inside(low: float, span: float) -> None:
    ticks = _ticks(low, low + span)
    assert 1 <= len(ticks) <= 12
    assert all(low - 1e-6 * span <= tick <= low + span * (1 + 1e-6) for tick in ticks)


@pytest.mark.parametrize("value", [0, -1024, 3000])
def test_a_constant_volume_has_a_histogram(value: int) -> None:
    for dtype in (np.int16, np.float32):
        volume = Volume.from_array(np.full((3, 3, 3), value, dtype), affine=np.eye(4))
        assert histogram(volume).array.shape == (*SIZE_PX, 3)


def test_the_window_is_drawn_at_its_bounds() -> None:
    values = np.arange(-1000, 1001, dtype=np.int16).reshape(-1, 1, 1)
    volume = Volume.from_array(values, affine=np.eye(4))
    shown = histogram(volume, window=(0, 1000)).array
    lines = np.flatnonzero((shown[60] == (255, 205, 80)).all(axis=1))
    assert len(lines) == 2
    left, right = 112, SIZE_PX[1] - 28
    quarters = [left + (right - left) * share for share in (0.25, 0.75)]
    assert np.abs(lines - quarters).max() <= 2
