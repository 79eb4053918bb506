"""Find missing slices from the distances between slices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.slice_geometry import STEP_QUANTILE

Floats = NDArray[np.float64]

WIDE = 1.5
"""A gap over 1.5 times the expected one may contain missing slices."""

MULTIPLE_TOLERANCE = 0.1
"""Largest relative deviation of a gap from a multiple of the expected one."""

HOLE = 2.5
"""A gap over 2.5 times the expected one has missing slices even if it is not a multiple."""

SAME_GAP_MM = 2e-3
"""Gaps closer than this count as equal in a report; positions are rounded to 0.001 mm."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A gap of `mm` after slice `after`, with room for `missing` slices."""

    after: int
    mm: float
    missing: int


def missing_slices(gaps_mm: Floats, thickness_mm: Floats) -> tuple[Gap, ...]:
    """The gaps (k - 1,) with missing slices; `thickness_mm` (k,) is NaN where it is unknown.

    The expected gap is the lower quartile (every second slice may be missing over half of a scan),
    scaled by the thickness of the thicker adjacent slice, since thick slices (10 mm at the vertex
    after 5 mm at the base) have wide gaps without any slice missing.
    """
    if len(gaps_mm) < 2:
        return ()
    usual = float(np.quantile(gaps_mm, STEP_QUANTILE, method="lower"))
    at_usual = np.abs(gaps_mm - usual) <= MULTIPLE_TOLERANCE * usual
    thicker = np.maximum(thickness_mm[:-1], thickness_mm[1:])
    base = float(np.median(np.minimum(thickness_mm[:-1], thickness_mm[1:])[at_usual]))
    known = np.isfinite(thicker) & np.isfinite(base)
    scale = np.where(known, np.maximum(thicker / base, 1.0), 1.0)
    holes = []
    for n, (gap, expected) in enumerate(
        zip(gaps_mm.tolist(), (usual * scale).tolist(), strict=True)
    ):
        ratio = gap / expected
        if ratio > WIDE and (
            abs(ratio - round(ratio)) <= MULTIPLE_TOLERANCE * round(ratio) or ratio > HOLE
        ):
            holes.append(Gap(n, gap, max(1, round(ratio) - 1)))
    return tuple(holes)


def tally(gaps_mm: Floats) -> tuple[tuple[float, int], ...]:
    """The distinct gaps as (mm, count), ascending; each is the mean of equal gaps."""
    groups: list[list[float]] = []
    for gap in np.sort(gaps_mm).tolist():
        if groups and gap - groups[-1][0] <= SAME_GAP_MM:
            groups[-1].append(gap)
        else:
            groups.append([gap])
    return tuple((float(np.mean(group)), len(group)) for group in groups)
