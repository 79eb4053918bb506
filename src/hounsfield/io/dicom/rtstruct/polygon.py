"""Rasterize polygons at pixel centres by the even-odd rule."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SNAP_PIXELS = 2.0**-10
"""Vertices are rounded to about a thousandth of a pixel. Files round to 0.01 or 0.001 mm, and many
programs draw along pixel centres or borders, where this noise would decide single pixels."""

EDGES_AT_ONCE = 4096
"""Edges processed at once, which bounds the memory for contours of a million points."""


def rasterize(points: NDArray[np.float64], *, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """The pixels (i, j) of `shape` whose centres (integers) are inside the closed polygon (n, 2).

    Even-odd rule: a centre is inside if a ray from it crosses the outline an odd number of times,
    so a keyhole contour leaves a hole. A centre on the outline belongs to the side of ascending i
    and j, so polygons that share an edge neither overlap nor leave a gap.

    >>> rasterize(np.array([[0, 0], [2, 0], [2, 1], [0, 1.0]]), shape=(3, 2)).astype(int).tolist()
    [[1, 0], [1, 0], [0, 0]]
    """
    vertices = np.rint(points / SNAP_PIXELS) * SNAP_PIXELS
    low = np.clip(np.floor(vertices.min(axis=0)), 0, shape).astype(np.int64)
    high = np.clip(np.ceil(vertices.max(axis=0)) + 1, low, shape).astype(np.int64)
    mask = np.zeros(shape, dtype=bool)
    mask[low[0] : high[0], low[1] : high[1]] = _inside(
        vertices - low, (int(high[0] - low[0]), int(high[1] - low[1]))
    )
    return mask


def _inside(vertices: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """The pixels of `shape` with an odd number of crossings before them in their row."""
    following = np.roll(vertices, -1, axis=0)
    crossings = np.zeros((shape[0] + 1, shape[1]), dtype=np.int64)
    for start in range(0, len(vertices), EDGES_AT_ONCE):
        part = slice(start, start + EDGES_AT_ONCE)
        column, row = _crossings(vertices[part], following[part], shape)
        np.add.at(crossings, (column, row), 1)
    return np.asarray(np.cumsum(crossings, axis=0)[: shape[0]] % 2 == 1)


def _crossings(
    vertices: NDArray[np.float64], following: NDArray[np.float64], shape: tuple[int, int]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For each row crossed by an edge, the first column at or after the crossing, and the row.

    An edge covers rows from its lower end (inclusive) to its upper one (exclusive), so a vertex
    counts once.
    """
    first = np.clip(np.ceil(np.minimum(vertices, following)[:, 1]), 0, shape[1]).astype(np.int64)
    last = np.clip(np.ceil(np.maximum(vertices, following)[:, 1]), 0, shape[1]).astype(np.int64)
    counts = np.maximum(last - first, 0)
    edge = np.repeat(np.arange(len(vertices)), counts)
    row = np.arange(len(edge)) - np.repeat(np.cumsum(counts) - counts, counts) + first[edge]
    is_rising = (vertices[:, 1] <= following[:, 1])[:, None]
    lower = np.where(is_rising, vertices, following)  # so that the direction does not matter
    run, rise = (np.where(is_rising, following, vertices) - lower)[edge].T
    crossing = lower[edge, 0] + (row - lower[edge, 1]) * (run / rise)
    return np.clip(np.ceil(crossing), 0, shape[0]).astype(np.int64), row
