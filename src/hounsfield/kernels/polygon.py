"""Fill a polygon at pixel centres by the even-odd rule, in exact arithmetic."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

import hounsfield.kernels.native as native

UNIT = 2.0**-26
"""Vertices are rounded to this part of a pixel (1.5e-8), so that float errors of projecting them do
not decide over centres on the outline; the digits of a file are a thousand times coarser."""

FARTHEST = 2.0**36
"""Vertices beyond this many pixels are moved to it, so that integers do not overflow."""


def fill_polygon(
    points: NDArray[np.float64], *, shape: tuple[int, int], start: tuple[int, int] = (0, 0)
) -> NDArray[np.bool_]:
    """Fill the pixels (i, j) of a box whose centres are inside the closed polygon (n, 2).

    A centre on the outline belongs to the side of ascending i and j. Whether a centre is inside is
    decided in integers, so it is exact for the rounded vertices.

    Parameters
    ----------
    points
        Vertices (n, 2) in pixels; pixel centres are whole numbers.
    shape
        Shape (i, j) of the box.
    start
        The first pixel (i, j) of the box.

    Returns
    -------
    NDArray
        Mask (i, j), Fortran-ordered.
    """
    mask: NDArray[Any] = np.empty(shape, dtype=np.uint8, order="F")
    fixed = np.rint(np.clip(points, -FARTHEST, FARTHEST) / UNIT).astype(np.int64)
    fixed -= np.asarray(start, dtype=np.int64) * round(1 / UNIT)
    native.polygon_fill(np.ascontiguousarray(fixed), mask)
    return mask.view(np.bool_)
