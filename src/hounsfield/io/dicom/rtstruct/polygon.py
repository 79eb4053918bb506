"""Fill polygons on a lattice of pixel centres: exactly, by the even-odd rule."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SNAP_PIXELS = 2.0**-10
"""Vertices are rounded to a thousandth of a pixel: files round to 0.01 or 0.001 mm, and many programs draw right along
pixel centres or borders, where that noise would decide pixel by pixel."""

EDGES_AT_ONCE = 4096
"""Edges handled together, which bounds the memory that an outline of a million points takes."""


def filled(points: NDArray[np.float64], *, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """The pixels (i, j) of `shape` whose centres, at whole numbers, lie within the closed polygon `points` (n, 2).

    Even-odd: a centre is inside where a ray from it crosses the outline an odd number of times; so an outline that
    goes inwards and comes back on the same way (a keyhole) leaves a hole. A centre on the outline belongs to the side
    of ascending i and j: polygons that share a border neither overlap nor leave a gap.

    >>> filled(np.array([[0, 0], [2, 0], [2, 1], [0, 1.0]]), shape=(3, 2)).astype(int).tolist()
    [[1, 0], [1, 0], [0, 0]]
    """
    here = np.rint(points / SNAP_PIXELS) * SNAP_PIXELS
    low = np.clip(np.floor(here.min(axis=0)), 0, shape).astype(np.int64)
    high = np.clip(np.ceil(here.max(axis=0)) + 1, low, shape).astype(np.int64)
    made = np.zeros(shape, dtype=bool)
    made[low[0] : high[0], low[1] : high[1]] = _odd(
        here - low, (int(high[0] - low[0]), int(high[1] - low[1]))
    )
    return made


def _odd(here: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """The pixels of `shape` before which their row crosses the outline an odd number of times."""
    there = np.roll(here, -1, axis=0)
    turns = np.zeros((shape[0] + 1, shape[1]), dtype=np.int64)
    for start in range(0, len(here), EDGES_AT_ONCE):
        part = slice(start, start + EDGES_AT_ONCE)
        column, row = _crossings(here[part], there[part], shape)
        np.add.at(turns, (column, row), 1)
    return np.asarray(np.cumsum(turns, axis=0)[: shape[0]] % 2 == 1)


def _crossings(
    here: NDArray[np.float64], there: NDArray[np.float64], shape: tuple[int, int]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For every row that an edge crosses, the first column whose centre does not lie before the crossing, and the row.

    An edge has the rows from its lower end (inclusive) to its upper one (exclusive), so a vertex counts once.
    """
    first = np.clip(np.ceil(np.minimum(here, there)[:, 1]), 0, shape[1]).astype(np.int64)
    last = np.clip(np.ceil(np.maximum(here, there)[:, 1]), 0, shape[1]).astype(np.int64)
    counts = np.maximum(last - first, 0)
    edge = np.repeat(np.arange(len(here)), counts)
    row = np.arange(len(edge)) - np.repeat(np.cumsum(counts) - counts, counts) + first[edge]
    run, rise = (there - here)[edge].T
    crossing = here[edge, 0] + (row - here[edge, 1]) * (run / rise)
    return np.clip(np.ceil(crossing), 0, shape[0]).astype(np.int64), row
