"""The mask of what no scanner measured: slices that a reader filled in."""

from __future__ import annotations

import numpy as np

from hounsfield.core.stack import Stack
from hounsfield.core.volume import Volume

NAME = "invented"


def invented_masks(stack: Stack) -> dict[str, Volume]:
    """The mask 'invented' on the stack's natural grid, uint8; no mask where every slice was measured.

    On an even grid made of uneven slices, a slice is invented where the nearest one of the stack is.
    """
    if not any(stack.invented):
        return {}
    grid = stack.grid
    flags = np.array(stack.invented, dtype=np.uint8)
    nearest = np.abs(stack.nodes[:, 2, np.newaxis] - np.arange(grid.shape[2])).argmin(axis=0)
    array = np.zeros(grid.shape, dtype=np.uint8, order="F")
    array[:, :, flags[nearest] == 1] = 1
    return {NAME: Volume.from_array(array, affine=grid.affine, quantity="mask")}
