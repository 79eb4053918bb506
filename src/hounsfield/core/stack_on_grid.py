"""Make a stack of the slices of one grid, for formats that store an affine."""

from __future__ import annotations

from typing import Any

import numpy as np

from hounsfield.core.grid import Grid
from hounsfield.core.slice_geometry import SliceGeometry
from hounsfield.core.spec import Quantity
from hounsfield.core.stack import Stack
from hounsfield.core.stored_values import Decode


def stack_on_grid(
    grid: Grid,
    *,
    stored_dtype: np.dtype[Any],
    decode: Decode,
    quantity: Quantity,
    background: float,
    slope: float = 1.0,
    intercept: float = 0.0,
    **more: Any,
) -> Stack:
    """Return a stack of the slices of `grid`, with one slope and intercept.

    ``decode(start, stop)`` returns stored values (i, j, stop - start) in Fortran order; `more` are
    further fields of Stack. Raises GeometryError as Stack does.
    """
    count = grid.shape[2]
    slices = SliceGeometry.of_grid(grid)
    return Stack(
        shape=grid.shape,
        origins_ras_mm=slices.origins_ras_mm,
        step_i_ras_mm=slices.step_i_ras_mm,
        step_j_ras_mm=slices.step_j_ras_mm,
        stored_dtype=stored_dtype,
        decode=decode,
        quantity=quantity,
        background=background,
        slopes=np.full(count, slope),
        intercepts=np.full(count, intercept),
        exact_grid=grid,
        **more,
    )
