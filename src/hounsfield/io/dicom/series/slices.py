"""Where the slices of one series lie, and what is wrong with it: order, spacing, gaps and tilt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.diagnostic import Diagnostic, Severity
from hounsfield.core.policy import ReadPolicy
from hounsfield.core.slice_geometry import STEP_QUANTILE, UPRIGHT_TOLERANCE_MM, SliceGeometry
from hounsfield.io.dicom.header.frame import Frame, diagnose
from hounsfield.io.dicom.header.geometry import LPS_TO_RAS, axes, normal, places
from hounsfield.io.dicom.pixels.interpolate import slots_of
from hounsfield.io.dicom.series.phases import same_pixels, stations
from hounsfield.io.dicom.series.spacing import Gap, tally

Floats = NDArray[np.float64]

FARTHEST_MM = 1e5
"""A slice over 100 m from the scanner's origin has a broken position."""

FARTHEST_SIDEWAYS_MM = 2000.0
"""Slices over 2 m sideways of the first belong to no stack, tilted or not: a gantry's bore is under 1 m."""

FEW_SLICES = 16
"""Where all of a series would take over 16 times its slices, evenly, nothing of it but a few slices was scanned."""


def slice_geometry(frames: Sequence[Frame], holes: Sequence[Gap] = ()) -> SliceGeometry:
    """Where frames in ascending order lie in RAS+, with the missing slices of `holes` put in evenly.

    Inspection and reading compute spacing, evenness and tilt from this alone.
    """
    first, pair = frames[0], axes(frames[0].orientation)
    assert pair is not None
    origins = np.array([frame.position_mm for frame in frames], dtype=np.float64) * LPS_TO_RAS
    ahead = np.vstack([origins[1:], origins[-1:]])
    slots = slots_of(len(frames), {hole.after: hole.missing for hole in holes})
    return SliceGeometry(
        origins_ras_mm=np.array(
            [origins[s.low] + s.weight * (ahead[s.low] - origins[s.low]) for s in slots]
        ),
        step_i_ras_mm=pair[0] * first.spacing_mm[1] * LPS_TO_RAS,
        step_j_ras_mm=pair[1] * first.spacing_mm[0] * LPS_TO_RAS,
        thickness_mm=first.thickness_mm,
    )


def place_diagnostics(frames: Sequence[Frame]) -> tuple[Diagnostic, ...]:
    """Frames without a position, an orientation or a pixel spacing that can be used."""
    lost = [
        frame
        for frame in frames
        if not frame.position_mm
        or normal(frame.orientation) is None
        or max(map(abs, frame.position_mm)) > FARTHEST_MM
    ]
    flat = [frame for frame in frames if not frame.spacing_mm]
    diagnostics = []
    if lost:
        diagnostics.append(
            diagnose(
                "NO_POSITION",
                "refusal",
                "no position or no orientation that could be trusted; slice "
                "order and place would be guesses",
                frames=lost,
                value=len(lost),
            )
        )
    if flat:
        diagnostics.append(
            diagnose("NO_SPACING", "refusal", "no pixel spacing that could be trusted", frames=flat)
        )
    return tuple(diagnostics)


def ordered(frames: Sequence[Frame], across: Floats) -> tuple[tuple[Frame, ...], list[Diagnostic]]:
    """The frames by position, one for each; what shares a position with others of the same pixels is dropped."""
    kept: list[Frame] = []
    dropped: list[Frame] = []
    clashing: list[Frame] = []
    for run in stations(places(frames, across), frames):
        kept.append(frames[run[0]])
        for n in run[1:]:
            (dropped if same_pixels(frames[run[0]], frames[n]) else clashing).append(frames[n])
    diagnostics = []
    if dropped:
        diagnostics.append(
            diagnose(
                "DUPLICATE",
                "repair",
                f"{len(dropped)} slices lie where one of the same pixels does; one of each is kept",
                frames=dropped,
                value=len(dropped),
            )
        )
    if clashing:
        diagnostics.append(
            diagnose(
                "DUPLICATE",
                "refusal",
                f"{len(clashing)} slices lie where one of other pixels does, and "
                "nothing tells them unshared; take away those that do not belong",
                frames=clashing,
                value=len(clashing),
            )
        )
    return tuple(kept), diagnostics


def sparse_diagnostics(positions: Floats, *, sideways_mm: float) -> tuple[Diagnostic, ...]:
    """A few slices that lie so far unshared that a volume between them would be all but interpolated."""
    if len(positions) < 2:
        return ()
    gaps, span = np.diff(positions), float(np.ptp(positions))
    if (
        span
        <= FEW_SLICES * len(positions) * float(np.quantile(gaps, STEP_QUANTILE, method="lower"))
        and sideways_mm <= FARTHEST_SIDEWAYS_MM
    ):
        return ()
    said = (
        f"{len(positions)} slices lie over {max(span, sideways_mm):.6g} mm: too few for a volume; read those alone "
        "that belong together"
    )
    return (diagnose("GAP", "refusal", said, value=float(gaps.max())),)


def gap_diagnostics(
    frames: Sequence[Frame], slices: SliceGeometry, holes: Sequence[Gap], policy: ReadPolicy
) -> Iterator[Diagnostic]:
    """Missing slices, and uneven spacing."""
    for hole in holes:
        severity: Severity = "repair" if policy.gaps == "fill" else "refusal"
        pair = (frames[hole.after], frames[hole.after + 1])
        yield diagnose(
            "GAP",
            severity,
            f"{hole.missing} slices are missing in a gap of {hole.mm:.6g} mm between slices "
            f"{hole.after + 1} and {hole.after + 2}; "
            + (
                "they were interpolated between their neighbours"
                if severity == "repair"
                else "gaps='fill' invents them and says which"
            ),
            frames=pair,
            value=hole.mm,
        )
    if not slices.is_even:
        gaps = slices.gaps_mm
        shown = ", ".join(f"{mm:.6g} mm x {count}" for mm, count in tally(gaps)[:6])
        yield diagnose(
            "UNEVEN",
            "repair" if policy.uneven == "resample" else "refusal",
            f"the slices are not evenly spaced ({shown}); "
            + (
                "they are sampled at their true positions"
                if policy.uneven == "resample"
                else "uneven='resample' samples them at their true positions"
            ),
            value=float(np.ptp(gaps)),
        )


def largest_shift_mm(slices: SliceGeometry) -> float:
    """How far any slice is shifted within its plane from the first, mm."""
    return float(np.linalg.norm(slices.sideways_mm, axis=1).max())


def tilt_diagnostics(
    frames: Sequence[Frame], slices: SliceGeometry, policy: ReadPolicy
) -> Iterator[Diagnostic]:
    """A tilt, or slices that are shifted otherwise."""
    if slices.is_upright:
        return
    degrees, sideways = slices.tilt_deg, largest_shift_mm(slices)
    severity: Severity = "repair" if policy.tilt == "correct" else "refusal"
    how = (
        "it is sheared right in the same sampling"
        if severity == "repair"
        else "tilt='correct' shears it right"
    )
    if slices.bend_mm > UPRIGHT_TOLERANCE_MM * max(1.0, frames[0].spacing_mm[0]):
        yield diagnose(
            "SHIFTED",
            severity,
            f"slices lie up to {sideways:.6g} mm sideways of the first, not in one line; {how}",
            value=sideways,
        )
    else:
        yield diagnose(
            "TILT",
            severity,
            f"the slices are stacked at a tilt of {degrees:.6g} degrees; {how}",
            value=degrees,
        )


def thickness_diagnostics(frames: Sequence[Frame]) -> Iterator[Diagnostic]:
    """Several thicknesses, and a single slice."""
    values = sorted({frame.thickness_mm for frame in frames if frame.thickness_mm is not None})
    if len(values) > 1:
        yield diagnose(
            "MIXED_THICKNESS",
            "note",
            f"slice thickness runs from {values[0]:.6g} to {values[-1]:.6g} mm",
            value=values[-1],
        )
    if len(frames) == 1:
        known = frames[0].thickness_mm
        said = (
            f"one slice; its thickness of {known:.6g} mm is taken from SliceThickness"
            if known
            else "one slice without a SliceThickness; 1 mm is assumed"
        )
        yield diagnose(
            "SINGLE_SLICE", "note" if known else "warning", said, frames=frames, value=known
        )
