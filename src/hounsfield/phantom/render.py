"""Rendering of shapes to a grid: one tissue per cell, or fractions of several."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.grid import Grid
from hounsfield.phantom.coverage import Cells, Event, Rows, farthest, tissue_fractions
from hounsfield.phantom.shape import Floats, Part, Shape

SLAB_VOXELS = 1 << 20
"""Voxels rendered at a time, so that the working arrays fit the cache."""

BLOCK_CELLS = 1 << 14
"""Cut cells integrated at a time, for the same reason."""

THREADS = 2
"""Slabs rendered at the same time; the result does not depend on it."""

BOUND_SLACK = 1e-4
"""Margin of bounds that are computed in float32, in radii."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """Slices start to stop of a grid.

    `base` (i, j, k) is the tissue of each voxel; `fractions` (n, tissues) are those of the voxels
    `rows` (flat indices in Fortran order) that contain several tissues.
    """

    start: int
    stop: int
    base: NDArray[np.uint8]
    rows: Rows
    fractions: NDArray[np.float32]

    def mapped(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Cell averages, (i, j, k) float32, of a quantity with `values` (tissues,)."""
        out = values[self.base].reshape(-1, order="F")
        out[self.rows] = self.fractions @ values
        return out.reshape(self.base.shape, order="F")

    def majority(self) -> NDArray[np.uint8]:
        """The tissue that fills most of each voxel."""
        out = self.base.reshape(-1, order="F").copy()
        out[self.rows] = self.fractions.argmax(axis=1)
        return out.reshape(self.base.shape, order="F")


def render(shapes: Sequence[Shape], grid: Grid, *, tissues: int) -> Iterator[Rendered]:
    """Render `shapes` slab by slab; later ones cover earlier ones, the first fills the grid."""
    step = max(1, SLAB_VOXELS // (grid.shape[0] * grid.shape[1]))
    starts = range(0, grid.shape[2], step)
    with ThreadPoolExecutor(THREADS) as pool:
        yield from pool.map(
            lambda start: _slab(shapes, grid, start, min(start + step, grid.shape[2]), tissues),
            starts,
        )


def points(shapes: Sequence[Shape], grid: Grid) -> NDArray[np.uint8]:
    """The tissue at the center of each voxel, (i, j, k)."""
    out = np.full(grid.shape, shapes[0].tissue, dtype=np.uint8, order="F")
    step = max(1, SLAB_VOXELS // (grid.shape[0] * grid.shape[1]))
    for start in range(0, grid.shape[2], step):
        shape = (*grid.shape[:2], min(step, grid.shape[2] - start))
        piece = grid.boxed((0, 0, start), shape)
        for one in shapes[1:]:
            window = bounding_box(one, piece)
            if window is not None:
                inside = np.ones([part.stop - part.start for part in window], dtype=bool)
                for part in one.parts:
                    inside &= _squared(part, piece.affine, window, np.float64) <= 1.0
                out[:, :, start : start + shape[2]][window][inside] = one.tissue
    return out


def bounding_box(shape: Shape, grid: Grid) -> tuple[slice, slice, slice] | None:
    """The cells of `grid` that `shape` may touch; None if there are none."""
    low, high = np.full(3, -np.inf), np.full(3, np.inf)
    for part in shape.parts:
        matrix, offset = part.in_index(grid.affine)
        if len(matrix) == 3:
            inverse = np.linalg.inv(matrix)
            reach = np.linalg.norm(inverse, axis=1)
            centre = -inverse @ offset
            low, high = np.maximum(low, centre - reach), np.minimum(high, centre + reach)
    if len(shape.parts) > 1:
        low, high = _joined_bounds(shape, grid, low, high)
    start = np.maximum(np.floor(low + 0.5 - BOUND_SLACK), 0)
    stop = np.minimum(np.floor(high + 0.5 + BOUND_SLACK) + 1, grid.shape)
    if (start >= stop).any():
        return None
    i, j, k = (slice(int(a), int(b)) for a, b in zip(start, stop, strict=True))
    return i, j, k


def _joined_bounds(shape: Shape, grid: Grid, low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """Bounds of the intersection of unbounded parts: the box that their rows span."""
    rows, offsets = (
        zip(
            *[part.in_index(grid.affine) for part in shape.parts if len(part.rows) < 3], strict=True
        )
        if any(len(part.rows) < 3 for part in shape.parts)
        else ((), ())
    )
    if sum(len(matrix) for matrix in rows) < 3:
        return low, high
    chosen, offset = _independent(np.concatenate(rows), np.concatenate(offsets))
    if chosen is None:
        return low, high
    inverse = np.linalg.inv(chosen)
    centre, reach = -inverse @ offset, np.abs(inverse).sum(axis=1)
    return np.maximum(low, centre - reach), np.minimum(high, centre + reach)


def _independent(rows: Floats, offsets: Floats) -> tuple[Floats | None, Floats]:
    chosen: list[int] = []
    for number in range(len(rows)):
        units = rows[[*chosen, number]] / np.linalg.norm(
            rows[[*chosen, number]], axis=1, keepdims=True
        )
        if np.linalg.svd(units, compute_uv=False).min() > 1e-3:
            chosen.append(number)
        if len(chosen) == 3:
            return rows[chosen], offsets[chosen]
    return None, offsets


def _squared(
    part: Part, affine: Floats, window: tuple[slice, slice, slice], dtype: type
) -> NDArray[np.floating]:
    matrix, offset = part.in_index(affine)
    total: NDArray[np.floating] | None = None
    for row, shift in zip(matrix, offset, strict=True):
        i, j, k = (np.arange(w.start, w.stop) * step for w, step in zip(window, row, strict=True))
        plane = (i[:, None] + j[None, :] + shift).astype(dtype)
        term = plane[:, :, None] + k.astype(dtype)[None, None, :]
        np.multiply(term, term, out=term)
        total = term if total is None else np.add(total, term, out=total)
    assert total is not None
    return total


def _slab(shapes: Sequence[Shape], grid: Grid, start: int, stop: int, tissues: int) -> Rendered:
    piece = grid.boxed((0, 0, start), (*grid.shape[:2], stop - start))
    covering = np.zeros(piece.shape, dtype=np.int16)
    events: list[Event] = []
    for number, shape in enumerate(shapes[1:], start=1):
        window = bounding_box(shape, piece)
        if window is not None:
            events.append((number, _classify(shape, piece, window, covering, number)))
    over = covering.reshape(-1)
    events = [(number, rows[over[rows] < number]) for number, rows in events]
    touched = (
        np.unique(np.concatenate([rows for _, rows in events]))
        if events
        else np.empty(0, dtype=np.intp)
    )
    base = np.array([shape.tissue for shape in shapes], dtype=np.uint8)[covering]
    blocks = [
        _fractions(shapes, piece, over, touched[n : n + BLOCK_CELLS], events, tissues)
        for n in range(0, len(touched), BLOCK_CELLS)
    ]
    fractions = np.concatenate(blocks) if blocks else np.empty((0, tissues), dtype=np.float32)
    i, j, k = np.unravel_index(touched, piece.shape)
    flat = np.ravel_multi_index((i, j, k), piece.shape, order="F")
    return Rendered(
        start, stop, np.asfortranarray(base), np.asarray(flat, dtype=np.intp), fractions
    )


def _fractions(
    shapes: Sequence[Shape],
    piece: Grid,
    over: NDArray[np.int16],
    touched: Rows,
    events: Sequence[Event],
    tissues: int,
) -> NDArray[np.float32]:
    """The fractions of the tissues in the cells `touched` (flat, ascending) of `piece`."""
    centres = np.stack(np.unravel_index(touched, piece.shape), axis=1).astype(np.float64)
    cells = Cells(piece.affine, centres, np.ones(3), over[touched])
    local = []
    for number, rows in events:
        start, stop = np.searchsorted(rows, (touched[0], touched[-1] + 1))
        if start < stop:
            local.append((number, np.searchsorted(touched, rows[start:stop])))
    return tissue_fractions(shapes, cells, local, tissues=tissues)


def _classify(
    shape: Shape,
    piece: Grid,
    window: tuple[slice, slice, slice],
    covering: NDArray[np.int16],
    number: int,
) -> Rows:
    """Mark the cells that `shape` covers fully; return the flat indices of those it may cut."""
    whole: NDArray[np.bool_] | None = None
    touched: NDArray[np.bool_] | None = None
    for part in shape.parts:
        reach = farthest(part.in_index(piece.affine)[0]) + BOUND_SLACK
        squared = _squared(part, piece.affine, window, np.float32)
        inner = (
            squared <= max(1.0 - reach, 0.0) ** 2
            if reach < 1
            else np.zeros(squared.shape, dtype=bool)
        )
        outer = squared < (1.0 + reach) ** 2
        whole = inner if whole is None else whole & inner
        touched = outer if touched is None else touched & outer
    assert whole is not None
    assert touched is not None
    covering[window][whole] = number
    i, j, k = np.nonzero(touched & ~whole)
    cells = (i + window[0].start, j + window[1].start, k + window[2].start)
    return np.asarray(np.ravel_multi_index(cells, piece.shape), dtype=np.intp)
