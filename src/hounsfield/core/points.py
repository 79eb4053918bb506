"""Landmarks and boxes in the world, and where they are on a grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hounsfield.core.grid import Grid

Triple = tuple[float, float, float]

FACE_TOLERANCE_VOXELS = 1e-6
"""Distance outside of the outer faces that counts as inside: rounding of an affine in float64."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A landmark, or a box around it.

    `position_ras_mm` is in RAS+ mm. A box has a `size_mm` along the patient axes (R, A, S), which
    are those of LPS too.
    """

    label: str
    position_ras_mm: Triple
    size_mm: Triple | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PointOnGrid:
    """A point in voxels of a grid.

    `index` is (i, j, k), not rounded; index 0 is the centre of the first voxel. A box has a
    `size_voxels`: the smallest box along the axes of the grid that contains it. `inside` is 'yes',
    'no', or 'part' for a box that is cut by the faces of the grid.
    """

    index: Triple
    size_voxels: Triple | None = None
    inside: str = "yes"


def on_grid(point: Point, grid: Grid) -> PointOnGrid:
    """Return where a point is on a grid, by the affine.

    Examples
    --------
    >>> grid = Grid((4, 4, 4), np.diag([-2.0, 2.0, 2.0, 1.0]))
    >>> on_grid(Point(label="a", position_ras_mm=(-2, 3, 0), size_mm=(2, 2, 4)), grid)
    PointOnGrid(index=(1.0, 1.5, 0.0), size_voxels=(1.0, 1.0, 2.0), inside='part')
    """
    index = grid.index(point.position_ras_mm)
    if point.size_mm is None:
        return PointOnGrid(index=_triple(index), inside=_inside(index, np.zeros(3), grid))
    size = np.abs(np.linalg.inv(grid.affine[:3, :3])) @ np.asarray(point.size_mm)
    return PointOnGrid(
        index=_triple(index), size_voxels=_triple(size), inside=_inside(index, size, grid)
    )


def _inside(index: np.ndarray, size: np.ndarray, grid: Grid) -> str:
    """Return whether a box is inside the outer faces of a grid: 'yes', 'part' or 'no'."""
    low, high = index - size / 2 + 0.5, np.array(grid.shape) - 0.5 - (index + size / 2)
    if min(low.min(), high.min()) >= -FACE_TOLERANCE_VOXELS:
        return "yes"
    is_outside = (low + size < 0).any() or (high + size < 0).any()
    return "no" if is_outside or not size.any() else "part"


def _triple(values: np.ndarray) -> Triple:
    i, j, k = (float(value) for value in values)
    return (i, j, k)
