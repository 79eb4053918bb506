"""Crop to a box given in RAS+ millimetres."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from hounsfield.core.arguments import checked
from hounsfield.core.errors import GeometryError
from hounsfield.core.grid import Grid
from hounsfield.core.resampled_axis import PARTIAL_VOXEL_TOLERANCE
from hounsfield.steps.geometric import GeometricStep
from hounsfield.steps.parse import three_points


@checked
@dataclass(frozen=True, slots=True, kw_only=True)
class CropToBox(GeometricStep):
    """Crop to the voxels whose centres are in a box in RAS+ mm.

    On an oblique grid this is the smallest box of voxels that contains them.

    Parameters
    ----------
    start_mm : sequence of float
        Lowest corner of the box, RAS+ mm, inclusive.
    stop_mm : sequence of float
        Highest corner of the box, RAS+ mm, inclusive.

    Raises
    ------
    GeometryError
        If `start_mm` lies beyond `stop_mm`; on planning, if no voxel lies inside.

    Examples
    --------
    >>> grid = Grid((9, 9, 9), np.eye(4))
    >>> CropToBox(start_mm=(1, 1, 1), stop_mm=(3, 3, 5)).target(grid).shape
    (3, 3, 5)
    """

    start_mm: tuple[float, float, float] | Sequence[float]
    stop_mm: tuple[float, float, float] | Sequence[float]

    def __post_init__(self) -> None:
        start, stop = (
            three_points(self.start_mm, name="start_mm"),
            three_points(self.stop_mm, name="stop_mm"),
        )
        if any(low > high for low, high in zip(start, stop, strict=True)):
            raise GeometryError(
                f"start_mm is {start}; expected at most stop_mm {stop} along each axis"
            )
        object.__setattr__(self, "start_mm", start)
        object.__setattr__(self, "stop_mm", stop)

    def target(self, grid: Grid) -> Grid:
        """Return the grid of the voxels inside."""
        corners = np.array(list(product(*zip(self.start_mm, self.stop_mm, strict=True))))
        index = grid.index(corners)
        start = np.maximum(np.ceil(index.min(axis=0) - PARTIAL_VOXEL_TOLERANCE), 0).astype(int)
        stop = np.minimum(
            np.floor(index.max(axis=0) + PARTIAL_VOXEL_TOLERANCE) + 1, grid.shape
        ).astype(int)
        if np.any(stop <= start):
            raise GeometryError(self._no_voxel(grid))
        return grid.boxed(start.tolist(), (stop - start).tolist())

    def _no_voxel(self, grid: Grid) -> str:
        """Return the message of a box without a voxel, with its distance from the image."""
        low, high = grid.corners_mm.min(axis=0), grid.corners_mm.max(axis=0)
        beyond = np.maximum(low - np.array(self.stop_mm), np.array(self.start_mm) - high)
        away = float(np.linalg.norm(np.maximum(beyond, 0)))
        where = f"{away:.1f} mm away from them" if away else "between them"
        return (
            f"no voxel of {grid!r} in the box from {self.start_mm} to {self.stop_mm} mm; its voxel "
            f"centres span {np.round(low, 1).tolist()} to {np.round(high, 1).tolist()} mm, and the "
            f"box is {where}; give a box in RAS+ mm that contains some"
        )
