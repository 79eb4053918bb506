"""Turn the array so that its axes ascend towards given directions."""

from __future__ import annotations

from dataclasses import dataclass

from hounsfield.core.grid import Grid, parse_orientation
from hounsfield.steps.geometric import GeometricStep


@dataclass(frozen=True, slots=True)
class Reorient(GeometricStep):
    """Permute and flip axes so that i, j, k ascend closest to the three letters of `to`; no voxel moves in the world.

    >>> import numpy as np
    >>> from hounsfield.core.grid import Grid
    >>> Reorient("RAS").target(Grid((4, 5, 6), np.diag([-1, -1, 2, 1]))).orientation
    'RAS'
    """

    to: str = "RAS"

    def __post_init__(self) -> None:
        parse_orientation(self.to)

    def target(self, grid: Grid) -> Grid:
        """The same voxels in the new order."""
        return grid.reoriented(self.to)
