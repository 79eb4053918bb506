"""Sample labels to the original slices of a stack."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.grid import Grid
from hounsfield.core.stack import Stack
from hounsfield.core.volume import Volume
from hounsfield.resampling.regrid import regrid_anywhere


def on_slices(label: Volume, stack: Stack) -> NDArray[np.generic]:
    """The label (i, j, k) on every slice of `stack`, in its dtype.

    Copied if the grids are aligned; else the value with the largest share of each pixel.
    """
    if stack.is_regular:
        return _onto(label, stack.grid)
    out = np.empty(stack.shape, dtype=label.spec.dtype, order="F")
    across = int(np.abs(label.grid.directions.T @ stack.normal).argmax())
    for k, grid in enumerate(_grids(stack, depth_mm=label.grid.spacing_mm[across])):
        out[:, :, k] = _onto(label, grid)[:, :, 0]
    return out


def _grids(stack: Stack, *, depth_mm: float) -> Iterator[Grid]:
    """A one-slice grid per slice, as thick as the label's voxels, to sample in its plane."""
    for origin in stack.origins_ras_mm:
        affine = np.eye(4)
        affine[:3, 0], affine[:3, 1], affine[:3, 2] = (
            stack.step_i_ras_mm,
            stack.step_j_ras_mm,
            stack.normal * depth_mm,
        )
        affine[:3, 3] = origin
        yield Grid((stack.shape[0], stack.shape[1], 1), affine)


def _onto(label: Volume, grid: Grid) -> NDArray[np.generic]:
    return regrid_anywhere(label, grid).array
