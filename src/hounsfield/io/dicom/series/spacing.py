"""Report missing slices and uneven spacing, found from the distances between slices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.diagnostic import Diagnostic, Severity
from hounsfield.core.policy import ReadPolicy
from hounsfield.core.slice_geometry import STEP_QUANTILE, SliceGeometry
from hounsfield.io.dicom.header.frame import Frame, diagnose

Floats = NDArray[np.float64]

WIDE = 1.5
"""A gap over 1.5 times the expected one may contain missing slices."""

MULTIPLE_TOLERANCE = 0.1
"""Largest relative deviation of a gap from a multiple of the expected one."""

HOLE = 2.5
"""A gap over 2.5 times the expected one has missing slices even if it is not a multiple."""

SAME_GAP_MM = 2e-3
"""Gaps closer than this count as equal in a report; positions are rounded to 0.001 mm."""


FARTHEST_SIDEWAYS_MM = 2000.0
"""Largest in-plane shift of slices within a stack; a gantry bore is under 1 m."""

FEW_SLICES = 16
"""A series is sparse if evenly spaced slices over its range would be over 16 times as many."""


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


def sparse_diagnostics(positions: Floats, *, sideways_mm: float) -> tuple[Diagnostic, ...]:
    """Refuse gaps so large that most of the volume would be interpolated."""
    if len(positions) < 2:
        return ()
    gaps, span = np.diff(positions), float(np.ptp(positions))
    if (
        span
        <= FEW_SLICES * len(positions) * float(np.quantile(gaps, STEP_QUANTILE, method="lower"))
        and sideways_mm <= FARTHEST_SIDEWAYS_MM
    ):
        return ()
    message = (
        f"{len(positions)} slices over {max(span, sideways_mm):.6g} mm are too few for a volume; "
        "read only slices that belong together"
    )
    return (diagnose("GAP", "refusal", message, value=float(gaps.max())),)


def gap_diagnostics(
    frames: Sequence[Frame], slices: SliceGeometry, holes: Sequence[Gap], policy: ReadPolicy
) -> Iterator[Diagnostic]:
    """Missing slices, and uneven spacing."""
    if holes:
        yield _missing(frames, holes, policy)
    if not slices.is_even:
        gaps = slices.gaps_mm
        shown = ", ".join(f"{mm:.6g} mm x {count}" for mm, count in tally(gaps)[:6])
        yield diagnose(
            "UNEVEN",
            "repair" if policy.uneven == "resample" else "refusal",
            f"slice spacing varies ({shown}); "
            + (
                "resampled from the true positions"
                if policy.uneven == "resample"
                else "use uneven='resample' to resample from the true positions"
            ),
            value=float(np.ptp(gaps)),
        )


def _missing(frames: Sequence[Frame], holes: Sequence[Gap], policy: ReadPolicy) -> Diagnostic:
    """All missing slices of a series, in one line."""
    severity: Severity = "repair" if policy.gaps == "fill" else "refusal"
    missing = sum(hole.missing for hole in holes)
    longest = max(holes, key=lambda hole: hole.mm)
    between = f"between slices {longest.after + 1} and {longest.after + 2}"
    where = (
        f"(gap of {longest.mm:.6g} mm {between})"
        if len(holes) == 1
        else f"in {len(holes)} gaps, longest {longest.mm:.6g} mm ({between})"
    )
    how = (
        "interpolated between their neighbours"
        if severity == "repair"
        else "use gaps='fill' to interpolate them"
    )
    ends = sorted({n for hole in holes for n in (hole.after, hole.after + 1)})
    return diagnose(
        "GAP",
        severity,
        f"{missing} of {len(frames) + missing} slices missing {where}; {how}",
        frames=[frames[n] for n in ends],
        value=longest.mm,
    )
