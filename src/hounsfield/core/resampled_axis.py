"""Resample one axis of a grid: the number of samples and their spacing."""

from __future__ import annotations

import math
from typing import Literal

from hounsfield.core.errors import GeometryError

Fit = Literal["exact_spacing", "exact_fov"]

PARTIAL_VOXEL_TOLERANCE = 1e-3
"""Fractions of a voxel below this are rounding of the header and need no extra sample."""

LARGEST_SIDE = 1 << 20
"""Largest number of voxels along one axis: 2 m at 2 micrometres.

More indicates a corrupt header, and would exhaust memory."""


def axis_of_size(size: int, count: int, *, axis: int) -> tuple[int, float]:
    """Return the number of samples, `count`, and their distance in voxels of the axis."""
    if size == 1 and count != 1:
        raise GeometryError(f"axis {'ijk'[axis]} has one sample and cannot be resampled to {count}")
    return count, size / count if count > 0 else math.nan


def axis_of_spacing(
    size: int, step_mm: float, spacing_mm: float, *, axis: int, fit: Fit
) -> tuple[int, float]:
    """Return the number of samples at `spacing_mm`, and their distance in voxels of the axis."""
    if size == 1:
        return 1, 1.0
    if not (math.isfinite(spacing_mm) and spacing_mm > 0):
        raise GeometryError(f"spacing is {spacing_mm} mm; expected a finite number over 0 mm")
    samples = size * step_mm / spacing_mm
    if samples > LARGEST_SIDE:
        raise GeometryError(
            f"a spacing of {spacing_mm:.3g} mm needs {samples:.3g} samples along "
            f"axis {'ijk'[axis]}; expected at most {LARGEST_SIDE}"
        )
    count = max(1, math.ceil(samples - PARTIAL_VOXEL_TOLERANCE))
    return count, spacing_mm / step_mm if fit == "exact_spacing" else size / count
