"""What is reached within a mask, and what leads too far and is cut off."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count, islice

import numpy as np

from hounsfield.core.platform import thread_count
from hounsfield.kernels import native
from hounsfield.kernels.mask import Bits, Spacing


def spread(start: Bits, within: Bits, radius_mm: float, *, spacing_mm: Spacing) -> Bits:
    """Return the voxels of `within` that a path through it of at most `radius_mm` leads to.

    A path starts in `start`; its length is right within about 10 %.
    """
    reached = start
    for rows in _turns(radius_mm, spacing_mm):
        reached = (_widened(reached, rows) & within) | start
    return reached & within


def spread_apart(
    first: Bits, second: Bits, *, within: Bits, spacing_mm: Spacing
) -> tuple[Bits, Bits]:
    """Grow two masks through `within` at the same speed until they meet and nothing is left.

    A voxel belongs to the mask that reaches it first, and to `first` if both do at once.
    """
    before, turns = -1, _turns(np.inf, spacing_mm)
    cycle = 2 * max(_every(spacing_mm))
    while first.count + second.count > before:
        before = first.count + second.count
        for rows in islice(turns, cycle):
            wider = _widened(second, rows) & within
            first = first | ((_widened(first, rows) & within) - second)
            second = second | (wider - first)
    return first, second


def _every(spacing_mm: Spacing) -> list[int]:
    """In how many turns a path moves by a voxel along each axis."""
    finest = min(spacing_mm)
    return [max(1, round(step / finest)) for step in spacing_mm]


def _turns(radius_mm: float, spacing_mm: Spacing) -> Iterator[list[tuple[int, int, int]]]:
    """The rows of the dilation of each turn: steps to 6 and to 26 neighbours alternate."""
    every, finest = _every(spacing_mm), min(spacing_mm)
    for turn in count() if np.isinf(radius_mm) else range(int(radius_mm / finest)):
        i, j, k = (turn % step == step - 1 for step in every)
        diagonal = turn // max(every) % 2 == 1
        rows = [(dj, dk) for dj in (-1, 0, 1) for dk in (-1, 0, 1)]
        table = [
            (dj, dk, int(i and (diagonal or not (dj or dk))))
            for dj, dk in rows
            if (j or not dj) and (k or not dk) and (diagonal or not (dj and dk))
        ]
        yield sorted(table, key=lambda row: row[2])


def cut_far(part: Bits, source: Bits, *, reach_mm: float, spacing_mm: Spacing) -> Bits:
    """Return `part` without what leads further than `reach_mm` from `source`.

    It is cut off where the area of the cross-section is smallest, so that a large object that
    touches a small one is cut at their contact. Components that do not touch `source` are removed.
    """
    near = Bits.unwritten(part.shape)
    native.mask_cut(part.words, source.words, part.shape, spacing_mm, reach_mm, near.words)
    return near


def _widened(bits: Bits, rows: Sequence[tuple[int, int, int]]) -> Bits:
    """Dilate by rows of (dj, dk, half width along i), by ascending half width."""
    result = Bits.unwritten(bits.shape)
    table = np.array(rows, np.int32)
    native.mask_dilate(bits.words, bits.shape, table, thread_count(), result.words)
    return result
