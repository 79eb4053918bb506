"""Order the slices of one series and check their positions, tilt and thickness."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.diagnostic import Diagnostic, Severity
from hounsfield.core.display import counted
from hounsfield.core.policy import ReadPolicy
from hounsfield.core.slice_geometry import UPRIGHT_TOLERANCE_MM, SliceGeometry
from hounsfield.io.dicom.header.frame import Frame, diagnose
from hounsfield.io.dicom.header.geometry import LPS_TO_RAS, axes, normal, positions_along
from hounsfield.io.dicom.pixels.interpolate import output_slices
from hounsfield.io.dicom.series.phases import group_by_position, same_pixels
from hounsfield.io.dicom.series.spacing import Gap

Floats = NDArray[np.float64]

FARTHEST_MM = 1e5
"""Largest valid distance of a slice from the scanner origin (100 m)."""


def slice_geometry(frames: Sequence[Frame], holes: Sequence[Gap] = ()) -> SliceGeometry:
    """Positions of frames in ascending order in RAS+, with the missing slices of `holes` inserted.

    Inspection and reading compute spacing, evenness and tilt from this alone.
    """
    first, pair = frames[0], axes(frames[0].orientation)
    assert pair is not None
    origins = np.array([frame.position_mm for frame in frames], dtype=np.float64) * LPS_TO_RAS
    ahead = np.vstack([origins[1:], origins[-1:]])
    slices = output_slices(len(frames), {hole.after: hole.missing for hole in holes})
    return SliceGeometry(
        origins_ras_mm=np.array(
            [origins[s.low] + s.weight * (ahead[s.low] - origins[s.low]) for s in slices]
        ),
        step_i_ras_mm=pair[0] * first.spacing_mm[1] * LPS_TO_RAS,
        step_j_ras_mm=pair[1] * first.spacing_mm[0] * LPS_TO_RAS,
        thickness_mm=first.thickness_mm,
    )


def place_diagnostics(frames: Sequence[Frame]) -> tuple[Diagnostic, ...]:
    """Frames without a position, an orientation or a pixel spacing that can be used."""
    misplaced = [
        frame
        for frame in frames
        if not frame.position_mm
        or normal(frame.orientation) is None
        or max(map(abs, frame.position_mm)) > FARTHEST_MM
    ]
    unspaced = [frame for frame in frames if not frame.spacing_mm]
    diagnostics = []
    if misplaced:
        diagnostics.append(
            diagnose(
                "NO_POSITION",
                "refusal",
                "position or orientation is missing or invalid; slices cannot be sorted or located",
                frames=misplaced,
                value=len(misplaced),
            )
        )
    if unspaced:
        diagnostics.append(
            diagnose(
                "NO_SPACING",
                "refusal",
                "pixel spacing is missing or invalid; expected two positive values in mm",
                frames=unspaced,
            )
        )
    return tuple(diagnostics)


def ordered(frames: Sequence[Frame], across: Floats) -> tuple[tuple[Frame, ...], list[Diagnostic]]:
    """Sort the frames by position and drop frames that duplicate position and pixels."""
    kept: list[Frame] = []
    dropped: list[Frame] = []
    clashing: list[Frame] = []
    for run in group_by_position(positions_along(frames, across), frames):
        kept.append(frames[run[0]])
        for n in run[1:]:
            (dropped if same_pixels(frames[run[0]], frames[n]) else clashing).append(frames[n])
    diagnostics = []
    if dropped:
        diagnostics.append(
            diagnose(
                "DUPLICATE",
                "repair",
                f"{counted(len(dropped), 'duplicate slice')} (same position and pixels) dropped",
                frames=dropped,
                value=len(dropped),
            )
        )
    if clashing:
        diagnostics.append(
            diagnose(
                "DUPLICATE",
                "refusal",
                f"{counted(len(clashing), 'slice')} at the position of another slice but with "
                "other pixels; remove what does not belong to the series",
                frames=clashing,
                value=len(clashing),
            )
        )
    return tuple(kept), diagnostics


def with_one_repair(diagnostics: Sequence[Diagnostic]) -> tuple[Diagnostic, ...]:
    """The diagnostics with all dropped copies in one: those of an object, and of its slices."""
    dropped = [d for d in diagnostics if (d.code, d.severity) == ("DUPLICATE", "repair")]
    if len(dropped) < 2:
        return tuple(diagnostics)
    count = int(sum(each.value or 0 for each in dropped))
    files = tuple(file for each in dropped for file in each.files)
    message = f"{counted(count, 'duplicate slice')} (copies, or same position and pixels) dropped"
    one = Diagnostic("DUPLICATE", "repair", message, files=files, value=count)
    rest = [one if each is dropped[0] else each for each in diagnostics]
    return tuple(each for each in rest if each not in dropped)


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
    how = "corrected" if severity == "repair" else "use tilt='correct' to correct it"
    if slices.bend_mm > UPRIGHT_TOLERANCE_MM * max(1.0, frames[0].spacing_mm[0]):
        yield diagnose(
            "SHIFTED",
            severity,
            f"slices are shifted in plane by up to {sideways:.6g} mm, not along a line; {how}",
            value=sideways,
        )
    else:
        yield diagnose(
            "TILT", severity, f"gantry tilt of {degrees:.6g} degrees; {how}", value=degrees
        )


def thickness_diagnostics(frames: Sequence[Frame]) -> Iterator[Diagnostic]:
    """Several thicknesses, and a single slice."""
    values = sorted({frame.thickness_mm for frame in frames if frame.thickness_mm is not None})
    if len(values) > 1:
        yield diagnose(
            "MIXED_THICKNESS",
            "note",
            f"slice thickness varies ({values[0]:.6g} to {values[-1]:.6g} mm)",
            value=values[-1],
        )
    if len(frames) == 1:
        known = frames[0].thickness_mm
        message = (
            f"single slice; thickness of {known:.6g} mm from SliceThickness"
            if known
            else "single slice without SliceThickness; 1 mm assumed"
        )
        yield diagnose(
            "SINGLE_SLICE", "note" if known else "warning", message, frames=frames, value=known
        )
