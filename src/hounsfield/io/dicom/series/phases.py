"""Separate frames at one position into copies and phases of one scan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.errors import ReadError
from hounsfield.core.slice_geometry import is_even
from hounsfield.io.dicom.header.frame import Frame
from hounsfield.io.dicom.tags import DEFLATED

SAME_PLACE_MM = 1e-2
"""Slices closer than this share one position: the rounding of headers, below any scanner's step."""

SAME_PLACE_PIXELS = 0.05
"""The same limit in pixels, for micro-CT with steps of a few micrometres."""

SMALLEST_PHASE = 0.5
"""Smallest phase as a fraction of the largest; fewer slices are repeated slices, not a phase."""

SMALLEST_PASS = 3
"""Fewest slices of an interleaved phase: any two slices are evenly spaced."""

TOUCHING = 1.1
"""Slices are contiguous if their step is at most this fraction of their thickness."""

_WEAK = ("acquisition time", "content time", "instance number")
"""Attributes that differ between slices anyway; tried last, after the image type."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Phase:
    """Frames of one phase, and the attribute that distinguishes it."""

    frames: tuple[Frame, ...]
    name: str


def drop_copies(frames: Sequence[Frame]) -> tuple[list[Frame], list[Frame]]:
    """The distinct frames, and copies with the same SOP instance UID, position and pixels.

    The UID alone is not enough: some de-identifiers give all files the same one.
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


def group_by_position(positions: Floats, frames: Sequence[Frame]) -> list[list[int]]:
    """Indices of frames by ascending position, grouped if within the tolerance of the first one."""
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
    """The phases if positions repeat; () if no attribute distinguishes them."""
    runs = group_by_position(positions, frames)
    most = max(len(run) for run in runs)
    if most < 2 or len(runs) < 2:
        return _interleaved_phases(frames, positions)
    for name, values in _phase_attributes(frames):
        ranks = None if None in values else _ranks(np.array(values, dtype=np.float64), runs, most)
        if ranks is not None and _is_balanced(ranks, most):
            return tuple(
                Phase(
                    tuple(frame for frame, rank in zip(frames, ranks, strict=True) if rank == n),
                    f"{name} {n + 1} of {most}",
                )
                for n in range(most)
            )
    return ()


def _interleaved_phases(frames: Sequence[Frame], positions: Floats) -> tuple[Phase, ...]:
    """Interleaved phases: each an evenly spaced, contiguous stack over the same range."""
    for name, values in _phase_attributes(frames):
        counts = Counter(values)
        if name in _WEAK or None in counts or not 2 <= len(counts) <= len(frames) // SMALLEST_PASS:
            continue
        groups = [
            [n for n in range(len(frames)) if values[n] == value]
            for value in sorted(counts, key=lambda v: v or 0.0)
        ]
        complete = all(_is_complete([frames[n] for n in g], positions[g]) for g in groups)
        if complete and _overlap(positions, groups):
            return tuple(
                Phase(tuple(frames[n] for n in group), f"{name} {number} of {len(groups)}")
                for number, group in enumerate(groups, start=1)
            )
    return ()


def _is_complete(frames: Sequence[Frame], positions: Floats) -> bool:
    """Whether slices are evenly spaced and contiguous, as in a complete scan."""
    ascending = np.sort(positions)
    if len(frames) < SMALLEST_PASS or not is_even(ascending):
        return False
    gaps = np.diff(ascending)
    return bool(gaps.mean() <= TOUCHING * min(frame.thickness_mm or np.inf for frame in frames))


def _overlap(positions: Floats, groups: Sequence[Sequence[int]]) -> bool:
    """Whether the ranges of all groups overlap by at least SMALLEST_PHASE of the longest."""
    starts = [float(positions[group].min()) for group in groups]
    stops = [float(positions[group].max()) for group in groups]
    longest = max(stop - start for start, stop in zip(starts, stops, strict=True))
    return min(stops) - max(starts) >= SMALLEST_PHASE * longest


def _phase_attributes(frames: Sequence[Frame]) -> Iterator[tuple[str, list[float | None]]]:
    """Attributes that distinguish phases, most reliable first, with the value of each frame."""
    types = sorted({frame.image_type for frame in frames})
    names = dict.fromkeys(name for frame in frames for name, _ in frame.order)
    for name in (*(name for name in names if name not in _WEAK), "image type", *_WEAK):
        if name == "image type":
            yield name, [float(types.index(frame.image_type)) for frame in frames]
        else:
            yield name, [dict(frame.order).get(name) for frame in frames]


def _ranks(values: Floats, runs: list[list[int]], most: int) -> list[int] | None:
    """The phase of each frame by one attribute: distinct values, or consecutive blocks."""
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
        ranks[order] = range(len(order))
    blocks = [values[ranks == rank] for rank in range(most)]
    ordered = all(blocks[n].max() < blocks[n + 1].min() for n in range(most - 1))
    return [int(rank) for rank in ranks] if ordered else None


def _is_balanced(ranks: list[int], most: int) -> bool:
    counts = np.bincount(ranks, minlength=most)
    return bool(counts.min() >= max(2, SMALLEST_PHASE * counts.max()))


def same_pixels(one: Frame, other: Frame) -> bool:
    """Whether two frames have the same stored values and rescale."""
    from hounsfield.io.dicom.pixels.decode import decoded

    if one.pixels is None or one.offset is None or other.pixels is None or other.offset is None:
        return False
    if (one.slope, one.intercept, one.size) != (other.slope, other.intercept, other.size):
        return False
    try:
        if _same_bytes(one, other):
            return True
        return bool(np.array_equal(decoded(one), decoded(other)))
    except ReadError:
        return False


def _same_bytes(one: Frame, other: Frame) -> bool:
    """Whether the stored pixels are equal as bytes, which is faster than decoding them."""
    if (one.pixels, one.parts, one.index) != (other.pixels, other.parts, other.index):
        return False
    if one.source.size != other.source.size or one.offset != other.offset:
        return False
    start = one.offset or 0
    rest = one.source.size - start
    if rest <= 0 or one.pixels is None or one.pixels.syntax == DEFLATED:
        return False
    return one.source.read(start, rest) == other.source.read(start, rest)
