"""Rasterize polygons at pixel centres by the even-odd rule."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hounsfield.kernels.polygon import fill_polygon

Box = tuple[slice, slice]


def rasterize(points: NDArray[np.float64], *, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """The pixels (i, j) of `shape` whose centres (integers) are inside the closed polygon (n, 2).

    Even-odd rule: a centre is inside if a ray from it crosses the outline an odd number of times,
    so a keyhole contour leaves a hole. A centre on the outline belongs to the side of ascending i
    and j, so polygons that share an edge neither overlap nor leave a gap. The decision is exact.

    >>> rasterize(np.array([[0, 0], [2, 0], [2, 1], [0, 1.0]]), shape=(3, 2)).astype(int).tolist()
    [[1, 0], [1, 0], [0, 0]]
    """
    mask = np.zeros(shape, dtype=bool)
    box, part = rasterize_box(points, shape=shape)
    mask[box] = part
    return mask


def rasterize_box(
    points: NDArray[np.float64], *, shape: tuple[int, int]
) -> tuple[Box, NDArray[np.bool_]]:
    """The box of `shape` that a polygon can fill, and its pixels there, as `rasterize`."""
    low = np.clip(np.floor(points.min(axis=0)) - 1, 0, shape).astype(np.int64)
    high = np.clip(np.ceil(points.max(axis=0)) + 1, low, shape).astype(np.int64)
    start, stop = (int(low[0]), int(low[1])), (int(high[0]), int(high[1]))
    part = fill_polygon(points, shape=(stop[0] - start[0], stop[1] - start[1]), start=start)
    return (slice(start[0], stop[0]), slice(start[1], stop[1])), part
