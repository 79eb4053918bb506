"""Test whether slices form a regular volume, as defined by the Imaging Data Commons (IDC)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hounsfield.core.slice_geometry import SliceGeometry

SLICE_INTERVAL_TOLERANCE_MM = 0.2
"""Largest deviation of a gap from the mean for uniform spacing.

IDC's sliceIntervalTolerance; dcm2niix uses the same."""

IN_PLANE_TOLERANCE_MM = 0.1
"""Largest shift of aligned slices along rows and columns: IDC's inPlaneTolerance."""

ORTHOGONAL_TOLERANCE = 0.01
"""Largest deviation from 1 of the length of the cross product of perpendicular rows and columns.

IDC's orientationTolerance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeGeometry:
    """Columns of IDC's `volume_geometry_index`; None if unknown or undefined for one slice.

    `obliquity_degrees` is the angle between the slice normal and the nearest axis of the patient. A
    regular 3-D volume has unique slice positions, uniform spacing, perpendicular rows and columns,
    and no in-plane shift.

    Notes
    -----
    After the query `volume_geometry_index.sql` of idc-index-data. IDC evaluates a whole series;
    here it is one report, whose frames share orientation (cosines within 1e-3), size, pixel spacing
    (within 1e-3) and phase.
    """

    obliquity_degrees: float | None = None
    uniform_slice_spacing: bool | None = None
    unique_slice_positions: bool | None = None
    regularly_spaced_3d_volume: bool | None = None


UNKNOWN = VolumeGeometry()
"""The geometry of frames without positions."""


def volume_geometry(slices: SliceGeometry, *, is_unique: bool = True) -> VolumeGeometry:
    """Return the geometry of slices in ascending order.

    `is_unique` is False if two slices have the same position.

    >>> from hounsfield.core.grid import Grid
    >>> grid = Grid((4, 4, 3), np.diag([1.0, 1.0, 2.5, 1.0]))
    >>> volume_geometry(SliceGeometry.of_grid(grid)).regularly_spaced_3d_volume
    True
    """
    uniform = _is_uniform(slices)
    is_aligned = _is_orthogonal(slices) and _is_unshifted(slices)
    return VolumeGeometry(
        obliquity_degrees=obliquity_degrees(slices),
        uniform_slice_spacing=uniform,
        unique_slice_positions=is_unique,
        regularly_spaced_3d_volume=None
        if uniform is None
        else uniform and is_unique and is_aligned,
    )


def obliquity_degrees(slices: SliceGeometry) -> float:
    """Return the angle between the slice normal and the nearest axis of the patient, degrees."""
    parts = np.sort(np.abs(slices.normal))
    return float(np.degrees(np.arctan2(np.hypot(parts[0], parts[1]), parts[2])))


def _is_uniform(slices: SliceGeometry) -> bool | None:
    gaps = slices.gaps_mm
    if not len(gaps):
        return None
    return bool(np.abs(gaps - gaps.mean()).max() < SLICE_INTERVAL_TOLERANCE_MM)


def _is_orthogonal(slices: SliceGeometry) -> bool:
    row, column = (
        step / np.linalg.norm(step) for step in (slices.step_i_ras_mm, slices.step_j_ras_mm)
    )
    return bool(abs(float(np.linalg.norm(np.cross(row, column))) - 1.0) <= ORTHOGONAL_TOLERANCE)


def _is_unshifted(slices: SliceGeometry) -> bool:
    for step in (slices.step_i_ras_mm, slices.step_j_ras_mm):
        if np.ptp(slices.origins_ras_mm @ (step / np.linalg.norm(step))) >= IN_PLANE_TOLERANCE_MM:
            return False
    return True
