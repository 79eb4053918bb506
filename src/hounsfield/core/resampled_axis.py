"""Resample one axis of a grid: the number of samples and their spacing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from hounsfield.core.errors import GeometryError

Fit = Literal["exact_spacing", "exact_fov"]

PARTIAL_VOXEL_TOLERANCE = 1e-3
"""Fractions of a voxel below this are rounding of the header and need no extra sample."""

LARGEST_SIDE = 1 << 20
"""Largest number of voxels along one axis: 2 m at 2 micrometres.

More indicates a corrupt header, and would exhaust memory."""

LARGEST_SPACING_MM = 1e6
"""Largest spacing; more is an error of units or overflows."""


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
    if not 0 < spacing_mm <= LARGEST_SPACING_MM:
        raise GeometryError(
            f"spacing is {spacing_mm} mm; expected over 0 and at most {LARGEST_SPACING_MM:g} mm"
        )
    samples = size * step_mm / spacing_mm
    if samples > LARGEST_SIDE:
        raise GeometryError(
            f"a spacing of {spacing_mm:.3g} mm needs {samples:.3g} samples along "
            f"axis {'ijk'[axis]}; expected at most {LARGEST_SIDE}"
        )
    count = max(1, math.ceil(samples - PARTIAL_VOXEL_TOLERANCE))
    return count, spacing_mm / step_mm if fit == "exact_spacing" else size / count


def resampled_axes(
    sizes: Sequence[int],
    steps_mm: Sequence[float],
    *,
    spacing_mm: Sequence[float] | None,
    shape: Sequence[int] | None,
    fit: Fit,
) -> list[tuple[int, float]]:
    """Return for each axis the number of samples, and their distance in voxels of the axis.

    Raises GeometryError unless exactly one of `spacing_mm` and `shape` is given, with three values.
    """
    if (spacing_mm is None) == (shape is None):
        raise GeometryError("resampled needs either spacing_mm or shape")
    given = spacing_mm if spacing_mm is not None else shape
    if given is None or len(given) != 3:
        raise GeometryError(f"found {len(given or ())} spacings or sizes; expected three")
    if spacing_mm is None:
        return [axis_of_size(sizes[n], int(given[n]), axis=n) for n in range(3)]
    return [
        axis_of_spacing(sizes[n], steps_mm[n], spacing_mm[n], axis=n, fit=fit) for n in range(3)
    ]
