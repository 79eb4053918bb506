"""Interpolation stencils along one axis, and their sampling tables."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.errors import GeometryError
from hounsfield.kernels.sample import AxisTable

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
Kernel = Literal["nearest", "linear", "area", "conservative", "cubic"]

SNAP = 1e-6
"""Points this close to a sample, in voxels, are snapped to it: rounding errors of affines."""

BACKGROUND = -1
"""The index of a lattice entry that is background instead of a source sample."""

GHOSTS = 4
"""Samples added on either side for the slopes at the outer faces: the six-sample kernel needs 3."""

Stencil = tuple[Indices, Floats, Indices | None]
"""First tap, weights (point, tap) and clamping limits (start, stop) of each point."""


def stencil(kernel: Kernel, nodes: Floats, points: Floats, width: float) -> Stencil:
    """The taps of `kernel` at `points` between samples at `nodes`, for target cells of `width`."""
    stencils = {
        "nearest": _nearest,
        "linear": _linear,
        "area": _area,
        "conservative": _conservative,
        "cubic": _cubic,
    }
    return stencils[kernel](nodes, points, width)


def _cells(nodes: Floats, points: Floats) -> tuple[Indices, Floats]:
    """The node at or before each point, and the fraction to the next node."""
    last = len(nodes) - 1
    index = np.clip(np.searchsorted(nodes, points, side="right") - 1, 0, max(last - 1, 0))
    fraction = (points - nodes[index]) / (nodes[index + 1] - nodes[index])
    return index, fraction


def _nearest(nodes: Floats, points: Floats, width: float) -> Stencil:
    middles = (nodes[1:] + nodes[:-1]) / 2
    index = np.searchsorted(middles, points, side="left")
    return index.astype(np.int64), np.ones((len(points), 1)), None


def _linear(nodes: Floats, points: Floats, width: float) -> Stencil:
    index, fraction = _cells(nodes, np.clip(points, nodes[0], nodes[-1]))
    return index, np.stack([1 - fraction, fraction], axis=1), None


def _cubic(nodes: Floats, points: Floats, width: float) -> Stencil:
    """Cubic Hermite with three-point slopes (Catmull-Rom on even nodes), clamped to its cell."""
    index, f = _cells(nodes, np.clip(points, nodes[0], nodes[-1]))
    padded = _extended(nodes, 1)
    left_gap, gap, right_gap = (padded[index + 1 + n] - padded[index + n] for n in (0, 1, 2))
    weights = np.zeros((len(points), 4))
    weights[:, 1], weights[:, 2] = (1 + 2 * f) * (1 - f) ** 2, f * f * (3 - 2 * f)
    for slope, at, left, right in (
        (gap * f * (1 - f) ** 2, 1, left_gap, gap),
        (gap * f * f * (f - 1), 2, gap, right_gap),
    ):
        weights[:, at - 1] += slope * (-right / (left * (left + right)))
        weights[:, at] += slope * ((right - left) / (left * right))
        weights[:, at + 1] += slope * (left / (right * (left + right)))
    return index - 1, weights, np.stack([index, index + 2], axis=1)


def _area(nodes: Floats, points: Floats, width: float) -> Stencil:
    """Mean over the target cell; source cells are constant and end midway between nodes."""
    faces = _faces(nodes)
    low, high = np.maximum(points - width / 2, faces[0]), np.minimum(points + width / 2, faces[-1])
    start = np.clip(np.searchsorted(faces, low, side="right") - 1, 0, len(nodes) - 1)
    stop = np.clip(np.searchsorted(faces, high, side="left"), start + 1, len(nodes))
    taps = np.arange(int((stop - start).max()))
    cells = np.minimum(start[:, None] + taps, len(nodes) - 1)
    overlap = np.minimum(faces[cells + 1], high[:, None]) - np.maximum(faces[cells], low[:, None])
    overlap = np.where(start[:, None] + taps < stop[:, None], np.maximum(overlap, 0), 0)
    total = overlap.sum(axis=1, keepdims=True)
    edge = np.zeros_like(overlap)
    edge[:, 0] = 1.0  # a cell outside the source has the edge value
    return start, np.where(total > 0, overlap / np.where(total > 0, total, 1), edge), None


def _conservative(nodes: Floats, points: Floats, width: float) -> Stencil:
    """Difference of the interpolated cumulative sum over the target cell.

    The cumulative sum F of cell averages is known at the faces; within a cell it is the cubic
    Hermite polynomial of its values and slopes at the two faces, with slopes from the quartic
    through five faces. On even nodes these are (-s0 + 7 s1 + 7 s2 - s3) / 12, the edge values of
    the piecewise parabolic method (Colella and Woodward, J. Comput. Phys. 54, 1984, eq. 1.9). Six
    samples determine a cell, and sums over whole cells are preserved exactly. Of a target cell
    that overhangs the outer faces, the part inside them counts.
    """
    low, high, size = _covered(nodes, points, width)
    faces = _faces(_extended(nodes, GHOSTS))
    first = np.searchsorted(faces, low, side="right") - 1
    last = np.searchsorted(faces, high, side="left") - 1
    start = first - 2
    weights = np.zeros((len(points), int((last - first).max()) + 6))
    slopes = _face_slopes(faces)
    for n in range(int((last - first).max()) + 1):
        cell, used = np.minimum(first + n, last), first + n <= last
        lower, upper = np.maximum(low, faces[cell]), np.minimum(high, faces[cell + 1])
        gap = faces[cell + 1] - faces[cell]
        for end, sign in ((lower, -1.0), (upper, 1.0)):
            t = np.where(used, (end - faces[cell]) / gap, 0.0)
            amount = np.where(used, sign, 0.0)
            weights[:, n + 2] += amount * gap * t * t * (3 - 2 * t)
            for corner, part in ((0, t * (1 - t) ** 2), (1, t * t * (t - 1))):
                columns = n + corner + np.arange(4)
                weights[:, columns] += (amount * gap * part)[:, None] * slopes[cell + corner]
    # A cell that ends at a face, but for rounding, does not overlap the next one.
    first = np.searchsorted(faces, low + SNAP, side="right") - 1
    last = np.searchsorted(faces, high - SNAP, side="left") - 1
    limits = np.stack([first - 1, last + 2], axis=1) - GHOSTS
    start, weights = _sample_weights(_extended(nodes, GHOSTS), start, weights)
    return start - GHOSTS, weights / size[:, None], limits


def _covered(nodes: Floats, points: Floats, width: float) -> tuple[Floats, Floats, Floats]:
    """The part (low, high, size) of each target cell inside the outer faces.

    A cell without such a part, which uneven slices can have, is replaced by the outermost source
    cell, whose average is the edge value.
    """
    faces = _faces(nodes)
    whole = (points - width / 2, points + width / 2)
    low, high = (np.clip(end, faces[0], faces[-1]) for end in whole)
    before, after = high - faces[0] < SNAP * width, faces[-1] - low < SNAP * width
    low = np.where(before, faces[0], np.where(after, faces[-2], low))
    high = np.where(before, faces[1], np.where(after, faces[-1], high))
    is_whole = (low == whole[0]) & (high == whole[1])
    return low, high, np.where(is_whole, width, high - low)


def _sample_weights(nodes: Floats, start: Indices, weights: Floats) -> tuple[Indices, Floats]:
    """Convert weights of cell averages to weights of the samples at `nodes`.

    On uneven nodes a sample is not at the centre of its cell. The cell average is the value at the
    centre of a line through the sample with the three-point slope, so linear fields stay linear.
    """
    left, right = nodes[1:-1] - nodes[:-2], nodes[2:] - nodes[1:-1]
    slopes = (
        -right / (left * (left + right)),
        (right - left) / (left * right),
        left / (right * (left + right)),
    )
    corrections = np.zeros((len(nodes), 3))
    corrections[1:-1] = (right - left)[:, None] / 4 * np.stack(slopes, axis=1)
    if np.abs(corrections).max() < SNAP:
        return start, weights
    taps = weights.shape[1]
    cells = np.clip(start[:, None] + np.arange(taps), 0, len(nodes) - 1)
    wide = np.pad(weights, ((0, 0), (1, 1)))
    for n in range(3):
        wide[:, n : n + taps] += weights * corrections[cells, n]
    return start - 1, wide


def _extended(nodes: Floats, count: int) -> Floats:
    """Nodes with `count` more on either side, at the spacing of the outermost two."""
    if len(nodes) < 2:
        raise GeometryError("axis has one sample; at least two are needed to interpolate")
    steps = np.arange(1, count + 1)
    left = nodes[0] - steps * (nodes[1] - nodes[0])
    right = nodes[-1] + steps * (nodes[-1] - nodes[-2])
    return np.concatenate([np.flip(left), nodes, right])


def _faces(nodes: Floats) -> Floats:
    middles = (nodes[1:] + nodes[:-1]) / 2
    first, last = nodes[0] - (nodes[1] - nodes[0]) / 2, nodes[-1] + (nodes[-1] - nodes[-2]) / 2
    return np.concatenate([[first], middles, [last]])


def _face_slopes(faces: Floats) -> Floats:
    """Weights (face, 4) of the adjacent cells in the slope of the quartic through five faces.

    The first and last two rows, which lack neighbours, are 0; `_extended` makes them unused.
    """
    count = len(faces)
    slopes = np.zeros((count, 4))
    inner = np.arange(2, count - 2)
    x = faces[inner[:, None] + np.arange(-2, 3)] - faces[inner][:, None]
    derivative = np.zeros((len(inner), 5))
    for n in range(5):
        if n == 2:
            continue
        others = [m for m in range(5) if m not in (n, 2)]
        # Derivative at x = 0 (face 2) of the Lagrange polynomial of face n.
        derivative[:, n] = np.prod([-x[:, m] for m in others], axis=0) / (
            np.prod([x[:, n] - x[:, m] for m in others], axis=0) * x[:, n]
        )
    derivative[:, 2] = -derivative.sum(axis=1)
    sizes = np.diff(x, axis=1)
    # F at face m is the sum of size * average over the cells before it, from face 0.
    tail = np.flip(np.cumsum(np.flip(derivative, axis=1), axis=1), axis=1)
    slopes[inner] = tail[:, 1:] * sizes
    return slopes


def axis_table(
    lattice: Indices, taps: Stencil, outside: NDArray[np.bool_], *, extend: bool
) -> AxisTable:
    """Clamp taps to the lattice, convert entries to source indices, and pack the weights.

    `extend` extrapolates linearly beyond the lattice instead of repeating its end samples.
    """
    start, weights, limits = taps
    count = len(weights)
    last = len(lattice) - 1
    amount = np.where(outside[:, None], 0.0, weights).ravel()
    row = np.repeat(np.arange(count), weights.shape[1])
    entry = (start[:, None] + np.arange(weights.shape[1])).ravel()
    nonzero = amount != 0
    row, entry, amount = row[nonzero], entry[nonzero], amount[nonzero]
    if extend and last > 0:
        row, entry, amount = _extrapolated(row, entry, amount, last)
    source = lattice[np.clip(entry, 0, last)]
    real = source != BACKGROUND
    sums = np.bincount(row, weights=amount, minlength=count)
    inside = np.bincount(row[real], weights=amount[real], minlength=count)
    bounds = None if limits is None else _bounds(lattice, limits)
    first, span = _span(row[real], source[real], bounds, count, int(lattice.max()))
    packed = np.zeros((count, span))
    np.add.at(packed, (row[real], source[real] - first[row[real]]), amount[real])
    packed /= np.where(outside | (sums == 0), 1.0, sums)[:, None]
    rest = np.where(outside, 1.0, 1.0 - inside / np.where(sums == 0, 1.0, sums))
    rest[np.abs(rest) < 1e-9] = 0.0
    weight = np.ascontiguousarray(packed, dtype=np.float32)
    return AxisTable(
        first.astype(np.int32),
        weight,
        _rest(rest, weight),
        None if bounds is None else np.clip(bounds - first[:, None], 0, span).astype(np.int32),
    )


def _rest(rest: Floats, weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """The weights of the background; exactly 1 only if no sample has a weight."""
    rounded = rest.astype(np.float32)
    mixed = (rounded == 1) & weight.any(axis=1)
    return np.where(mixed, np.nextafter(np.float32(1), np.float32(2)), rounded)


def _extrapolated(
    row: Indices, entry: Indices, amount: Floats, last: int
) -> tuple[Indices, Indices, Floats]:
    """Replace taps beyond the ends by a line through the two end samples."""
    over = np.where(entry < 0, -entry, np.where(entry > last, entry - last, 0))
    end, inner = np.where(entry < 0, 0, last), np.where(entry < 0, 1, last - 1)
    far = over > 0
    row = np.concatenate([row, row[far]])
    amount = np.concatenate([np.where(far, amount * (1 + over), amount), -amount[far] * over[far]])
    return row, np.concatenate([np.where(far, end, entry), inner[far]]), amount


def _bounds(lattice: Indices, limits: Indices) -> Indices:
    """Source indices (start, stop) of lattice entries (start, stop), also on reversed lattices."""
    entries = np.clip(limits - np.array([0, 1]), 0, len(lattice) - 1)
    real = np.flatnonzero(lattice != BACKGROUND)
    if not len(real):
        return np.zeros_like(limits)
    ends = np.sort(lattice[np.clip(entries, real[0], real[-1])], axis=1)
    return np.stack([ends[:, 0], ends[:, 1] + 1], axis=1)


def _span(
    row: Indices, source: Indices, bounds: Indices | None, count: int, last: int
) -> tuple[Indices, int]:
    """The first source index of each row, and the largest number of taps."""
    first, stop = np.full(count, last + 1), np.zeros(count, dtype=np.int64)
    np.minimum.at(first, row, source)
    np.maximum.at(stop, row, source + 1)
    used = stop > 0
    if bounds is not None:
        first, stop = np.minimum(first, bounds[:, 0]), np.maximum(stop, bounds[:, 1])
    first, stop = np.where(used, first, 0), np.where(used, stop, 0)
    span = max(1, int((stop - first).max()))
    return np.clip(np.minimum(first, last + 1 - span), 0, None), span
