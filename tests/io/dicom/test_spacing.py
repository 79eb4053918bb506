"""Gaps: laws of what is missing and what is merely uneven."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hounsfield.io.dicom.series.spacing import missing_slices, tally

STEPS = st.floats(0.01, 20)


@given(STEPS, st.integers(6, 60), st.integers(0, 2**32 - 1))
def test_small_jitter_is_never_a_gap(step: float, count: int, seed: int) -> None:
    jitter = np.random.default_rng(seed).uniform(-0.1, 0.1, count) * step
    gaps = np.diff(np.arange(count) * step + jitter)
    assert missing_slices(gaps, np.full(count, step)) == ()


@given(STEPS, st.integers(12, 60), st.data())
def test_what_was_taken_out_is_what_is_missing(
    step: float, count: int, data: st.DataObject
) -> None:
    gone = data.draw(st.sets(st.integers(2, count - 3), min_size=1, max_size=count // 6))
    kept = np.array([k for k in range(count) if k not in gone])
    holes = missing_slices(np.diff(kept * step), np.full(len(kept), np.nan))
    assert sum(hole.missing for hole in holes) == len(gone)
    assert [int(kept[hole.after]) + 1 in gone for hole in holes] == [True] * len(holes)


@given(STEPS, st.integers(4, 20), st.integers(0, 4), st.booleans())
def test_every_second_slice_missing_over_half_of_a_scan_is_missing(
    step: float, whole: int, more: int, known: bool
) -> None:
    gaps = np.array([step] * whole + [2 * step] * (whole + more))
    holes = missing_slices(gaps, np.full(len(gaps) + 1, step if known else np.nan))
    assert [hole.missing for hole in holes] == [1] * (whole + more)


@given(STEPS, st.integers(3, 20), st.integers(3, 20), st.floats(1.6, 4))
def test_gaps_that_grow_with_the_slices_are_none(
    step: float, thin: int, thick: int, growth: float
) -> None:
    gaps = np.array([step] * thin + [step * growth] * thick)
    thickness = np.array([step] * (thin + 1) + [step * growth] * thick)
    assert missing_slices(gaps, thickness) == ()


@given(st.lists(st.floats(0.1, 10), max_size=30))
def test_every_gap_is_counted_once(gaps: list[float]) -> None:
    assert sum(count for _, count in tally(np.array(gaps))) == len(gaps)
