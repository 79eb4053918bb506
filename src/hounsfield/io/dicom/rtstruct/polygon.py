"""Rasterize polygons at pixel centres by the even-odd rule."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hounsfield.kernels.polygon import fill_polygon


def rasterize(points: NDArray[np.float64], *, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """The pixels (i, j) of `shape` whose centres (integers) are inside the closed polygon (n, 2).

    Even-odd rule: a centre is inside if a ray from it crosses the outline an odd number of times,
    so a keyhole contour leaves a hole. A centre on the outline belongs to the side of ascending i
    and j, so polygons that share an edge neither overlap nor leave a gap. The decision is exact.

    >>> rasterize(np.array([[0, 0], [2, 0], [2, 1], [0, 1.0]]), shape=(3, 2)).astype(int).tolist()
    [[1, 0], [1, 0], [0, 0]]
    """
    low = np.clip(np.floor(points.min(axis=0)) - 1, 0, shape).astype(np.int64)
    high = np.clip(np.ceil(points.max(axis=0)) + 1, low, shape).astype(np.int64)
    mask = np.zeros(shape, dtype=bool)
    mask[low[0] : high[0], low[1] : high[1]] = fill_polygon(
        points,
        shape=(int(high[0] - low[0]), int(high[1] - low[1])),
        start=(int(low[0]), int(low[1])),
    )
    return mask
