"""How the samples of one output axis are made of the samples of one source axis: indices and weights.

A lattice is what interpolation reads: source samples, in order or reversed, cropped, or padded with background.
Crops, pads and flips only choose from the lattice; the first step that interpolates fixes it, and every later
geometric step moves the points at which it is read. So a run of steps is one sampling at the composed point.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.errors import GeometryError
from hounsfield.kernels.sample import AxisTable

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
Kernel = Literal["nearest", "linear", "area", "conservative", "cubic"]
Method = Literal["auto", "nearest", "linear", "area", "conservative", "cubic"]

COARSER = 1.0 + 1e-3
"""A target cell wider than its source cell by over a thousandth counts as coarser, where `auto` takes averages."""

COARSER_METHOD: Kernel = "conservative"
"""What `auto` takes along an axis that gets coarser; chosen by benchmarks/accuracy.py (design/sampling.md)."""

SNAP = 1e-6
"""Points this close to a sample, in voxels, are that sample: rounding of affines, not a place of its own."""

BACKGROUND = -1
"""The index of a lattice entry that is background and no source sample."""


@dataclass(frozen=True, slots=True, eq=False)
class AxisMap:
    """One output axis over one source axis.

    lattice: source index of each lattice entry, or BACKGROUND. nodes: where each entry lies, in the coordinate that
    `points` use (0, 1, 2, ... but for uneven slices). points: where each output sample reads. width: the output
    cell in the same coordinate. outside: output samples that are background whatever they read. method: None while
    nothing has been interpolated, so that points are the nodes.
    """

    lattice: Indices
    nodes: Floats
    points: Floats
    width: float
    outside: NDArray[np.bool_]
    method: Method | None = None

    @classmethod
    def identity(cls, size: int) -> AxisMap:
        """The axis as it is."""
        return cls.choose(np.arange(size))

    @classmethod
    def choose(cls, lattice: Indices) -> AxisMap:
        """Source samples by index (BACKGROUND for none), nothing interpolated."""
        places = np.arange(len(lattice), dtype=np.float64)
        return cls(
            lattice.astype(np.int64), places, places, 1.0, np.zeros(len(lattice), dtype=bool)
        )

    @classmethod
    def between(cls, nodes: Floats, *, count: int) -> AxisMap:
        """Samples 0 to count - 1 of an even axis, read from source samples that lie at `nodes` of it."""
        return cls(
            np.arange(len(nodes)),
            np.asarray(nodes, dtype=np.float64),
            np.arange(count, dtype=np.float64),
            1.0,
            np.zeros(count, dtype=bool),
            "auto",
        )

    @property
    def size(self) -> int:
        """How many output samples there are."""
        return len(self.points)

    @property
    def is_copy(self) -> bool:
        """Whether every output sample is a source sample or background, so that no value is made."""
        return self.method is None

    def chosen(self, index: Indices) -> AxisMap:
        """The output samples `index` of this axis, in that order; indices that it does not have are background."""
        known = (index >= 0) & (index < self.size)
        safe = np.where(known, index, 0)
        if self.is_copy:
            return AxisMap.choose(np.where(known, self.lattice[safe], BACKGROUND))
        return replace(
            self, points=self._at(index.astype(np.float64)), outside=~known | self.outside[safe]
        )

    def sampled(self, points: Floats, *, width: float, method: Method) -> AxisMap:
        """Read this axis at `points` (in its own index) with cells of `width` of its voxels."""
        nearest = np.clip(np.rint(points), 0, self.size - 1).astype(np.int64)
        beyond = (points < -0.5 - SNAP) | (points > self.size - 0.5 + SNAP)
        scale = (
            1.0
            if self.is_copy or self.size < 2
            else abs(float(self.points[-1] - self.points[0])) / (self.size - 1)
        )
        return replace(
            self,
            points=self._at(points),
            width=max(self.width if not self.is_copy else 0.0, width * scale),
            outside=beyond | self.outside[nearest],
            method=method,
        )

    def kernel(self, method: Method | None = None) -> Kernel:
        """Which kernel it takes: `method` in place of its own; `auto` is averaging where it gets coarser."""
        wanted = method or self.method or "nearest"
        if wanted != "auto":
            return wanted
        return COARSER_METHOD if self.width > COARSER * self._cell else "linear"

    def table(self, *, shift: float | None = None, method: Method | None = None) -> AxisTable:
        """Indices and weights; `shift` is how far the source samples lie beyond their nodes (in a tilted stack)."""
        points = self.points - (shift or 0.0)
        points = np.where(np.abs(points - np.rint(points)) < SNAP, np.rint(points), points)
        kernel: Kernel = "nearest" if self.is_copy else self.kernel(method)
        if len(self.lattice) == 1:
            kernel = "nearest"
        outside = self.outside
        if shift is not None:
            outside = outside | (points < self.nodes[0] - 0.5) | (points > self.nodes[-1] + 0.5)
        build = {
            "nearest": _nearest,
            "linear": _linear,
            "area": _area,
            "conservative": _conservative,
            "cubic": _cubic,
        }
        start, weights, limits = build[kernel](self.nodes, points, self.width)
        return _folded(
            self.lattice,
            start,
            weights,
            limits,
            outside,
            extend=kernel in ("conservative", "cubic"),
        )

    @property
    def _cell(self) -> float:
        if len(self.nodes) < 2:
            return 1.0
        return float(self.nodes[-1] - self.nodes[0]) / (len(self.nodes) - 1)

    def _at(self, index: Floats) -> Floats:
        """The points of output indices that need not be whole, nor inside."""
        if self.is_copy or self.size < 2:
            return index + (0.0 if self.is_copy else self.points[0])
        steps = (self.points[1] - self.points[0], self.points[-1] - self.points[-2])
        middle = np.interp(index, np.arange(self.size), self.points)
        return np.asarray(
            middle
            + np.minimum(index, 0) * steps[0]
            + np.maximum(index - (self.size - 1), 0) * steps[1]
        )


Stencil = tuple[Indices, Floats, Indices | None]


def _cells(nodes: Floats, points: Floats) -> tuple[Indices, Floats]:
    """The node at or before each point and the fraction of the way to the next; beyond the ends, uniform steps."""
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
    """Cubic Hermite with three-point slopes (Catmull-Rom on even nodes), bounded by the two nodes around a point."""
    index, f = _cells(nodes, np.clip(points, nodes[0], nodes[-1]))
    padded = _extended(nodes, 1)
    before, here, after = (padded[index + 1 + n] - padded[index + n] for n in (0, 1, 2))
    weights = np.zeros((len(points), 4))
    weights[:, 1], weights[:, 2] = (1 + 2 * f) * (1 - f) ** 2, f * f * (3 - 2 * f)
    for slope, at, left, right in (
        (here * f * (1 - f) ** 2, 1, before, here),
        (here * f * f * (f - 1), 2, here, after),
    ):
        weights[:, at - 1] += slope * (-right / (left * (left + right)))
        weights[:, at] += slope * ((right - left) / (left * right))
        weights[:, at + 1] += slope * (left / (right * (left + right)))
    return index - 1, weights, np.stack([index, index + 2], axis=1)


def _area(nodes: Floats, points: Floats, width: float) -> Stencil:
    """Mean over the target cell of source cells that end midway between nodes."""
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
    edge[:, 0] = 1.0  # a cell wholly beyond the source takes the edge's value
    return start, np.where(total > 0, overlap / np.where(total > 0, total, 1), edge), None


def _conservative(nodes: Floats, points: Floats, width: float) -> Stencil:
    """Difference of the interpolated running sum over the target cell.

    The running sum F of cell averages is known at the faces; within a cell it is the cubic Hermite polynomial of its
    values and of its slopes at the two faces, each slope by the quartic through five faces (on even nodes
    (-s0 + 7 s1 + 7 s2 - s3) / 12: the edge values of Colella and Woodward's piecewise parabolic method, J. Comput.
    Phys. 54, 1984, eq. 1.9). So six samples decide within a cell, and sums over whole cells are kept exactly.
    """
    beyond = max(0.0, width / 2 + max(nodes[0] - points.min(), points.max() - nodes[-1]))
    room = int(np.ceil(beyond / min(nodes[1] - nodes[0], nodes[-1] - nodes[-2]))) + 4
    faces = _faces(_extended(nodes, room))
    low, high = points - width / 2, points + width / 2
    first = np.searchsorted(faces, low, side="right") - 1
    last = np.searchsorted(faces, high, side="left") - 1
    start = first - 2
    weights = np.zeros((len(points), int((last - first).max()) + 6))
    slopes = _face_slopes(faces)
    for n in range(int((last - first).max()) + 1):
        cell = first + n
        lower, upper = np.maximum(low, faces[cell]), np.minimum(high, faces[cell + 1])
        used = cell <= last
        size = faces[cell + 1] - faces[cell]
        for end, sign in ((lower, -1.0), (upper, 1.0)):
            t = np.where(used, (end - faces[cell]) / size, 0.0)
            amount = np.where(used, sign, 0.0)
            weights[:, n + 2] += amount * size * t * t * (3 - 2 * t)
            for corner, part in ((0, t * (1 - t) ** 2), (1, t * t * (t - 1))):
                columns = n + corner + np.arange(4)
                weights[:, columns] += (amount * size * part)[:, None] * slopes[cell + corner]
    limits = np.stack([first - 1, last + 2], axis=1) - room
    start, weights = _of_samples(_extended(nodes, room), start, weights)
    return start - room, weights / width, limits


def _of_samples(nodes: Floats, start: Indices, weights: Floats) -> tuple[Indices, Floats]:
    """Weights of cell averages as weights of the samples at `nodes`, of which they are made.

    A cell between uneven nodes does not end equally far on both sides of its own: its average is that of a straight
    line through the sample, with the three-point slope, at the cell's middle. So a linear field stays linear.
    """
    left, right = nodes[1:-1] - nodes[:-2], nodes[2:] - nodes[1:-1]
    ahead = np.zeros((len(nodes), 3))
    ahead[1:-1] = (
        (right - left)[:, None]
        / 4
        * np.stack(
            [
                -right / (left * (left + right)),
                (right - left) / (left * right),
                left / (right * (left + right)),
            ],
            axis=1,
        )
    )
    if np.abs(ahead).max() < SNAP:
        return start, weights
    taps = weights.shape[1]
    cells = np.clip(start[:, None] + np.arange(taps), 0, len(nodes) - 1)
    wide = np.pad(weights, ((0, 0), (1, 1)))
    for n in range(3):
        wide[:, n : n + taps] += weights * ahead[cells, n]
    return start - 1, wide


def _extended(nodes: Floats, room: int) -> Floats:
    """Nodes with `room` more on either side at the distance of the last two."""
    if len(nodes) < 2:
        raise GeometryError("one sample holds nothing to interpolate between")
    steps = np.arange(1, room + 1)
    left, right = (
        nodes[0] - steps * (nodes[1] - nodes[0]),
        nodes[-1] + steps * (nodes[-1] - nodes[-2]),
    )
    return np.concatenate([np.flip(left), nodes, right])


def _faces(nodes: Floats) -> Floats:
    middles = (nodes[1:] + nodes[:-1]) / 2
    return np.concatenate(
        [[nodes[0] - (nodes[1] - nodes[0]) / 2], middles, [nodes[-1] + (nodes[-1] - nodes[-2]) / 2]]
    )


def _face_slopes(faces: Floats) -> Floats:
    """Weights (face, 4) of the four cells around each face in the slope there of the quartic through five faces.

    Rows 0, 1 and the last two, which lack neighbours, are 0: `_extended` keeps them out of reach.
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
        # d/dx at 0 of the Lagrange polynomial of face n: only the factor of face 2 (x = 0) is left undivided.
        derivative[:, n] = np.prod([-x[:, m] for m in others], axis=0) / (
            np.prod([x[:, n] - x[:, m] for m in others], axis=0) * x[:, n]
        )
    derivative[:, 2] = -derivative.sum(axis=1)
    sizes = np.diff(x, axis=1)
    # F at face m is the sum of size * average over the cells before it, counted from face 0 of the five.
    tail = np.flip(np.cumsum(np.flip(derivative, axis=1), axis=1), axis=1)
    slopes[inner] = tail[:, 1:] * sizes
    return slopes


def _folded(
    lattice: Indices,
    start: Indices,
    weights: Floats,
    limits: Indices | None,
    outside: NDArray[np.bool_],
    *,
    extend: bool,
) -> AxisTable:
    """FusedPass taps beyond the lattice onto its ends, replace entries by source indices, and pack the taps tightly."""
    count, taps = weights.shape
    last = len(lattice) - 1
    entry = start[:, None] + np.arange(taps)
    weights = np.where(outside[:, None], 0.0, weights)
    amount = weights.ravel()
    row = np.repeat(np.arange(count), taps)
    flat = entry.ravel()
    kept = amount != 0
    row, flat, amount = row[kept], flat[kept], amount[kept]
    if (
        extend and last > 0
    ):  # a straight line through the two end samples, so that a linear field stays one
        over = np.where(flat < 0, -flat, np.where(flat > last, flat - last, 0))
        end, inner = np.where(flat < 0, 0, last), np.where(flat < 0, 1, last - 1)
        far = over > 0
        row = np.concatenate([row, row[far]])
        amount = np.concatenate(
            [np.where(far, amount * (1 + over), amount), -amount[far] * over[far]]
        )
        flat = np.concatenate([np.where(far, end, flat), inner[far]])
    source = lattice[np.clip(flat, 0, last)]
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
    return AxisTable(
        first.astype(np.int32),
        np.ascontiguousarray(packed, dtype=np.float32),
        rest.astype(np.float32),
        None if bounds is None else np.clip(bounds - first[:, None], 0, span).astype(np.int32),
    )


def _bounds(lattice: Indices, limits: Indices) -> Indices:
    """Source indices (start, stop) of lattice entries (start, stop), which run up or down and may be background."""
    low, high = (
        np.clip(limits[:, 0], 0, len(lattice) - 1),
        np.clip(limits[:, 1] - 1, 0, len(lattice) - 1),
    )
    real = np.flatnonzero(lattice != BACKGROUND)
    if not len(real):
        return np.zeros_like(limits)
    ends = np.sort(lattice[np.clip(np.stack([low, high], axis=1), real[0], real[-1])], axis=1)
    return np.stack([ends[:, 0], ends[:, 1] + 1], axis=1)


def _span(
    row: Indices, source: Indices, bounds: Indices | None, count: int, last: int
) -> tuple[Indices, int]:
    """The first source index of each row and how many taps the widest row needs."""
    first, stop = np.full(count, last + 1), np.zeros(count, dtype=np.int64)
    np.minimum.at(first, row, source)
    np.maximum.at(stop, row, source + 1)
    used = stop > 0
    if bounds is not None:
        first, stop = (
            np.where(used, np.minimum(first, bounds[:, 0]), 0),
            np.where(used, np.maximum(stop, bounds[:, 1]), 0),
        )
    else:
        first = np.where(used, first, 0)
    span = max(1, int((stop - first).max()))
    return np.clip(np.minimum(first, last + 1 - span), 0, None), span
