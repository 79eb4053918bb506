"""Frames that lie at one position: copies, or several phases of one scan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.errors import ReadError
from hounsfield.core.slice_geometry import is_even
from hounsfield.io.dicom.header.frame import Frame

SAME_PLACE_MM = 1e-2
"""Slices nearer to one another than this are at one position: headers round to it, and no scanner steps by it."""

SAME_PLACE_PIXELS = 0.05
"""Nor do slices lie nearer than a twentieth of a pixel: micro-CT steps by its pixel of a few micrometres."""

SMALLEST_PHASE = 0.5
"""A phase holds at least this share of the largest one's slices; less is a slice scanned again."""

SMALLEST_PASS = 3
"""Fewer slices than this are no scan of their own: any two are evenly spaced."""

TOUCHING = 1.1
"""Slices whose step is at most this share of their thickness leave nothing between them that another pass would fill."""

_WEAK = ("acquisition time", "content time", "instance number")
"""What differs from slice to slice anyway: asked last, after the image type (two energies differ in it)."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Phase:
    """Frames of one pass over the positions, and what tells it from the others."""

    frames: tuple[Frame, ...]
    name: str


def without_copies(frames: Sequence[Frame]) -> tuple[list[Frame], list[Frame]]:
    """The frames, each object once, and the copies that were left out: same SOP instance, frame, place and pixels.

    The UID alone is not believed: de-identifiers were met that give one to all files.
    """
    first: dict[tuple[object, ...], Frame] = {}
    kept: list[Frame] = []
    copies: list[Frame] = []
    for frame in frames:
        key = (
            frame.sop_instance,
            frame.index,
            frame.position_mm,
            frame.orientation,
            frame.size,
            frame.order,
        )
        other = first.setdefault(key, frame)
        is_copy = other is not frame and bool(frame.sop_instance) and same_pixels(other, frame)
        (copies if is_copy else kept).append(frame)
    return kept, copies


def stations(positions: Floats, frames: Sequence[Frame]) -> list[list[int]]:
    """Indices of frames by position, ascending; those at the place of the first of a run are together."""
    order = np.argsort(positions, kind="stable")
    same = min(SAME_PLACE_MM, SAME_PLACE_PIXELS * min(frames[0].spacing_mm, default=1.0))
    runs: list[list[int]] = []
    for n in order.tolist():
        if runs and positions[n] - positions[runs[-1][0]] <= same:
            runs[-1].append(n)
        else:
            runs.append([n])
    return runs


def split_phases(frames: Sequence[Frame], positions: Floats) -> tuple[Phase, ...]:
    """The phases that explain why positions are taken several times; () where nothing tells them unshared."""
    runs = stations(positions, frames)
    most = max(len(run) for run in runs)
    if most < 2 or len(runs) < 2:
        return _between_one_another(frames, positions)
    for name, values in _told_apart_by(frames):
        ranks = None if None in values else _ranks(np.array(values, dtype=np.float64), runs, most)
        if ranks is not None and _is_fair(ranks, most):
            return tuple(
                Phase(
                    tuple(frame for frame, rank in zip(frames, ranks, strict=True) if rank == turn),
                    f"{name} {turn + 1} of {most}",
                )
                for turn in range(most)
            )
    return ()


def _between_one_another(frames: Sequence[Frame], positions: Floats) -> tuple[Phase, ...]:
    """Phases whose slices lie between those of one another: an even stack each, over the same stretch, without holes."""
    for name, values in _told_apart_by(frames):
        counts = Counter(values)
        if name in _WEAK or None in counts or not 2 <= len(counts) <= len(frames) // SMALLEST_PASS:
            continue
        turns = [
            [n for n in range(len(frames)) if values[n] == value]
            for value in sorted(counts, key=lambda v: v or 0.0)
        ]
        if all(
            _is_whole([frames[n] for n in turn], positions[turn]) for turn in turns
        ) and _overlap(positions, turns):
            return tuple(
                Phase(tuple(frames[n] for n in turn), f"{name} {number} of {len(turns)}")
                for number, turn in enumerate(turns, start=1)
            )
    return ()


def _is_whole(frames: Sequence[Frame], positions: Floats) -> bool:
    """Whether slices are even on their own and touch one another: then they are a scan of their own, not half of one."""
    ascending = np.sort(positions)
    if len(frames) < SMALLEST_PASS or not is_even(ascending):
        return False
    gaps = np.diff(ascending)
    return bool(gaps.mean() <= TOUCHING * min(frame.thickness_mm or np.inf for frame in frames))


def _overlap(positions: Floats, turns: Sequence[Sequence[int]]) -> bool:
    starts = [float(positions[turn].min()) for turn in turns]
    stops = [float(positions[turn].max()) for turn in turns]
    longest = max(stop - start for start, stop in zip(starts, stops, strict=True))
    return min(stops) - max(starts) >= SMALLEST_PHASE * longest


def _told_apart_by(frames: Sequence[Frame]) -> Iterator[tuple[str, list[float | None]]]:
    """What may tell phases unshared, the surest first, with its value for each frame; image types count by their turn."""
    types = sorted({frame.image_type for frame in frames})
    names = dict.fromkeys(name for frame in frames for name, _ in frame.order)
    for name in (*(name for name in names if name not in _WEAK), "image type", *_WEAK):
        if name == "image type":
            yield name, [float(types.index(frame.image_type)) for frame in frames]
        else:
            yield name, [dict(frame.order).get(name) for frame in frames]


def _ranks(values: Floats, runs: list[list[int]], most: int) -> list[int] | None:
    """The phase of each frame by one attribute: its distinct values, or blocks of it that follow one another."""
    distinct = np.unique(values)
    if len(distinct) == most:
        direct = np.searchsorted(distinct, values)
        if all(len(set(direct[run].tolist())) == len(run) for run in runs):
            return [int(rank) for rank in direct]
    ranks = np.zeros(len(values), dtype=int)
    for run in runs:
        order = sorted(run, key=lambda n: values[n])
        if len({float(values[n]) for n in run}) != len(run):
            return None
        for turn, n in enumerate(order):
            ranks[n] = turn
    blocks = [values[ranks == turn] for turn in range(most)]
    ordered = all(blocks[n].max() < blocks[n + 1].min() for n in range(most - 1))
    return [int(rank) for rank in ranks] if ordered else None


def _is_fair(ranks: list[int], most: int) -> bool:
    counts = np.bincount(ranks, minlength=most)
    return bool(counts.min() >= max(2, SMALLEST_PHASE * counts.max()))


def same_pixels(one: Frame, other: Frame) -> bool:
    """Whether two frames decode to the same stored values, rescaled alike."""
    from hounsfield.io.dicom.pixels.decode import decoded

    if one.pixels is None or one.offset is None or other.pixels is None or other.offset is None:
        return False
    if (one.slope, one.intercept, one.size) != (other.slope, other.intercept, other.size):
        return False
    try:
        return bool(np.array_equal(decoded(one), decoded(other)))
    except ReadError:
        return False
