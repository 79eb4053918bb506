"""Permute and flip axes to an orientation such as RAS."""

from __future__ import annotations

from dataclasses import dataclass

from hounsfield.core.arguments import checked
from hounsfield.core.grid import Grid
from hounsfield.core.orientation import parse_orientation
from hounsfield.steps.geometric import GeometricStep


@checked
@dataclass(frozen=True, slots=True)
class Reorient(GeometricStep):
    """Permute and flip axes so that i, j and k ascend in given directions.

    No voxel moves in the world, and nothing is interpolated.

    Parameters
    ----------
    to : str, default 'RAS'
        Three letters: the directions in which i, j and k are to ascend, as closely as axes allow.

    Raises
    ------
    GeometryError
        If `to` is not one of L or R, one of P or A and one of I or S, in any order.

    Examples
    --------
    >>> import numpy as np
    >>> from hounsfield.core.grid import Grid
    >>> Reorient("RAS").target(Grid((4, 5, 6), np.diag([-1, -1, 2, 1]))).orientation
    'RAS'
    """

    to: str = "RAS"

    def __post_init__(self) -> None:
        parse_orientation(self.to)

    def target(self, grid: Grid) -> Grid:
        """Return the grid of the same voxels in the new orientation."""
        return grid.reoriented(self.to)
