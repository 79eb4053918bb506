"""Where the voxels of a straight volume are taken from in a tilted or unevenly spaced stack."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.errors import QuantityError
from hounsfield.core.grid import ALIGNED_TOLERANCE_VOXELS
from hounsfield.core.stack import Stack
from hounsfield.resampling.axes import AxisMap
from hounsfield.resampling.labels import is_label
from hounsfield.resampling.sampling import Sampling


def straighten(stack: Stack) -> Sampling:
    """The sampling of a stack to its natural grid; the identity if the stack is regular.

    A gantry tilt or a table that moved sideways shifts each slice within its plane; uneven spacing
    moves it along the third axis. All are corrected in one interpolation, together with later
    steps. Shifts by whole voxels are copied and not interpolated.
    """
    grid = stack.grid
    if stack.is_regular:
        return Sampling.of_grid(grid)
    if is_label(stack.quantity):
        raise QuantityError(
            f"slices of a {stack.quantity} are tilted or unevenly spaced, and labels are not "
            "interpolated; open the image, and read the label with hu.read_labels"
        )
    nodes = stack.nodes
    i, j = (
        _in_plane(nodes[:, axis], size=stack.shape[axis], count=grid.shape[axis]) for axis in (0, 1)
    )
    whole = np.abs(nodes[:, 2] - np.rint(nodes[:, 2])).max() <= ALIGNED_TOLERANCE_VOXELS
    k = (
        AxisMap.identity(stack.shape[2])
        if whole and stack.is_even
        else AxisMap.between(nodes[:, 2], count=grid.shape[2])
    )
    shifts = nodes[:, :2].copy()
    for axis, table in enumerate((i, j)):
        if table.is_copy:  # what is left is rounding
            shifts[:, axis] = 0.0
    return Sampling(stack.shape, grid, (0, 1, 2), (i, j, k), shifts if shifts.any() else None)


def _in_plane(shifts: NDArray[np.float64], *, size: int, count: int) -> AxisMap:
    """The map of an axis within the slices, `shifts` (k,) voxels; exact if all are one integer."""
    lattice = AxisMap.identity(size)
    first = float(shifts[0])
    if (
        np.ptp(shifts) <= ALIGNED_TOLERANCE_VOXELS
        and abs(first - round(first)) <= ALIGNED_TOLERANCE_VOXELS
    ):
        return lattice.select(np.arange(count) - round(first))
    return AxisMap.between(lattice.nodes, count=count)
