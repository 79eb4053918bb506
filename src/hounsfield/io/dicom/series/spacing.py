"""Distances between slices: even, uneven, or with slices missing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.slice_geometry import STEP_QUANTILE

Floats = NDArray[np.float64]

WIDE = 1.5
"""A gap over one and a half times what is expected there may hold a missing slice."""

MULTIPLE_TOLERANCE = 0.1
"""A gap within a tenth of a whole multiple of the expected one is that multiple."""

HOLE = 2.5
"""A gap over two and a half times the expected one is a hole whatever its multiple: nobody scanned what lies there."""

SAME_GAP_MM = 2e-3
"""Gaps this near to each other are counted as one in a report: positions are rounded to a thousandth of a mm."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A gap after slice `after`, of `mm`, in which `missing` slices are expected."""

    after: int
    mm: float
    missing: int


def missing_slices(gaps_mm: Floats, thickness_mm: Floats) -> tuple[Gap, ...]:
    """The gaps (k - 1,) in which slices are missing; `thickness_mm` (k,) is NaN where it is not known.

    A gap that is wide because the slices beside it are thick (5 mm base, 10 mm vertex) is none: what is expected
    between two slices is the usual gap, times the thicker one's thickness over that of the usual gaps' slices. Usual is
    the lower quartile, since every second slice may be missing over half of a scan.
    """
    if len(gaps_mm) < 2:
        return ()
    usual = float(np.quantile(gaps_mm, STEP_QUANTILE, method="lower"))
    at_usual = np.abs(gaps_mm - usual) <= MULTIPLE_TOLERANCE * usual
    beside = np.maximum(thickness_mm[:-1], thickness_mm[1:])
    base = float(np.median(np.minimum(thickness_mm[:-1], thickness_mm[1:])[at_usual]))
    grown = np.where(np.isfinite(beside) & np.isfinite(base), np.maximum(beside / base, 1.0), 1.0)
    holes = []
    for n, (gap, expected) in enumerate(
        zip(gaps_mm.tolist(), (usual * grown).tolist(), strict=True)
    ):
        ratio = gap / expected
        if ratio > WIDE and (
            abs(ratio - round(ratio)) <= MULTIPLE_TOLERANCE * round(ratio) or ratio > HOLE
        ):
            holes.append(Gap(n, gap, max(1, round(ratio) - 1)))
    return tuple(holes)


def tally(gaps_mm: Floats) -> tuple[tuple[float, int], ...]:
    """The different gaps, as (mm, count), ascending; each is the mean of those that are one."""
    groups: list[list[float]] = []
    for gap in np.sort(gaps_mm).tolist():
        if groups and gap - groups[-1][0] <= SAME_GAP_MM:
            groups[-1].append(gap)
        else:
            groups.append([gap])
    return tuple((float(np.mean(group)), len(group)) for group in groups)
