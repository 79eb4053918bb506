"""How much of each cell a shape covers: cell averages whose error is under a thousandth of a cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hounsfield.phantom.shape import Floats, Part, Shape

Rows = NDArray[np.intp]
Event = tuple[int, Rows]
"""A shape (its place in the painter's order) and the cells that its surface may cut."""

FLAT_RADIUS = 0.3
"""A surface counts as flat within a cell whose half diagonal is under this part of the shape's radius: with the
curvature's first term taken into account the covered part is then off by under 5e-4 (measured on spheres)."""

DEPTH = 3
"""How often a cell cut by several surfaces, or by one that is not flat in it, is split; at 2 x 2 x 2 each time the last
cells are 1/512 of it, and what is not known there (how two surfaces lie in one last cell) adds under 1e-3."""

MOST_SPLITS = 8
"""Thick slices are split into at most this many along k at a time."""

THINNEST = 1e-4
"""The smallest component of a normal, as a part of the largest, in the closed form, whose denominator is their product."""


def plane_fraction(level: Floats, normal: Floats) -> Floats:
    """The part of the unit cube about 0 where level + normal . x <= 0, exactly; `level` (n,), `normal` (n, 3).

    Inclusion and exclusion of the corners' pyramids (Scardovelli and Zaleski 2000, J. Comput. Phys. 164, eq. 9).

    >>> plane_fraction(np.array([0.0, -0.25]), np.array([[1.0, 1.0, 1.0], [0.0, 0.0, 1.0]])).round(3).tolist()
    [0.5, 0.75]
    """
    sizes = np.abs(normal)
    sizes = np.maximum(sizes, THINNEST * sizes.max(axis=1, keepdims=True))
    a, b, c = sizes.T / sizes.sum(axis=1)
    depth = 0.5 - level / sizes.sum(axis=1)
    total = np.zeros_like(depth)
    for sign, cut in ((1, 0.0), (-1, a), (-1, b), (-1, c), (1, a + b), (1, a + c), (1, b + c)):
        total += sign * np.maximum(depth - cut, 0.0) ** 3
    fraction = np.clip(total / (6 * a * b * c), 0.0, 1.0)
    return np.where(depth <= 0, 0.0, np.where(depth >= 1, 1.0, fraction))


def part_fraction(part: Part, affine: Floats, centres: Floats, size: Floats) -> tuple[Floats, float]:
    """The part of each cell inside `part`, and the half diagonal of a cell in radii.

    `centres` (n, 3) and `size` (3,) are in the indices of `affine`. The surface is taken as the plane through the mean
    of |y| - 1 over the cell, whose second-order term is the trace of the Hessian / 24.
    """
    matrix, offset = part.in_index(affine)
    reached = centres @ matrix.T + offset
    matrix = matrix * size
    length = np.maximum(np.sqrt(np.einsum("nm,nm->n", reached, reached)), 1e-9)
    normal = (reached / length[:, None]) @ matrix
    bend = ((matrix**2).sum() - np.einsum("nm,nm->n", normal, normal)) / length
    return plane_fraction(length - 1.0 + bend / 24, normal), float(np.sqrt((matrix**2).sum())) / 2


@dataclass(frozen=True, slots=True)
class Cells:
    """Cells of one size in the indices of a grid: centres (n, 3), `base` (n,) the shape that covers each wholly."""

    affine: Floats
    centres: Floats
    size: Floats
    base: NDArray[np.int16]

    def split(self, rows: Rows) -> Cells:
        """The cells `rows`, each as equal smaller cells that follow one another."""
        counts = splits(self.affine, self.size)
        offsets = np.stack(np.meshgrid(*[(np.arange(n) + 0.5) / n - 0.5 for n in counts], indexing="ij"), axis=-1)
        centres = self.centres[rows][:, None, :] + (offsets * self.size).reshape(1, -1, 3)
        each = int(np.prod(counts))
        return Cells(self.affine, centres.reshape(-1, 3), self.size / counts, np.repeat(self.base[rows], each))


def splits(affine: Floats, size: Floats) -> NDArray[np.int64]:
    """Into how many a cell is split along i, j, k: 2 along its shortest edges, more along longer ones."""
    edges_mm = np.linalg.norm(affine[:3, :3], axis=0) * size
    return np.clip(np.rint(2 * edges_mm / edges_mm.min()), 2, MOST_SPLITS).astype(np.int64)


def tissue_fractions(shapes: Sequence[Shape], cells: Cells, events: Sequence[Event], *, tissues: int,
                     depth: int = DEPTH) -> NDArray[np.float32]:
    """The part of each tissue in each cell, (n, tissues) float32, where later shapes lie over earlier ones."""
    cuts, base = _cuts(shapes, cells, events)
    cells = Cells(cells.affine, cells.centres, cells.size, base)
    weight = np.zeros(len(base), dtype=np.int16)
    for _, rows, _, surfaces in cuts:
        np.add.at(weight, rows, surfaces)
    kinds = np.array([shape.tissue for shape in shapes], dtype=np.intp)
    out = np.zeros((len(base), tissues), dtype=np.float32)
    out[np.arange(len(base)), kinds[base]] = 1.0
    for number, rows, fraction, _ in cuts:
        plain = (weight[rows] == 1) if depth else np.ones(len(rows), dtype=bool)
        out[rows[plain]] *= 1.0 - fraction[plain, None]
        out[rows[plain], kinds[number]] += fraction[plain]
    several = np.flatnonzero(weight > 1)
    if depth and len(several):
        finer = cells.split(several)
        each = len(finer.base) // len(several)
        inner = [(number, _expanded(rows, several, each)) for number, rows, _, _ in cuts]
        parts = tissue_fractions(shapes, finer, inner, tissues=tissues, depth=depth - 1)
        out[several] = parts.reshape(len(several), each, tissues).mean(axis=1)
    return out


def _expanded(rows: Rows, several: Rows, each: int) -> Rows:
    """The smaller cells of those `rows` that are among `several`, in the numbering of `Cells.split`."""
    place = np.searchsorted(several, rows)
    place = place[(place < len(several)) & (several[np.minimum(place, len(several) - 1)] == rows)]
    return np.asarray((place[:, None] * each + np.arange(each)).ravel(), dtype=np.intp)


Cut = tuple[int, Rows, NDArray[np.float32], NDArray[np.int16]]


def _cuts(shapes: Sequence[Shape], cells: Cells, events: Sequence[Event]) -> tuple[list[Cut], NDArray[np.int16]]:
    """Which cells each shape really cuts, how much, and by how many surfaces (2 stands for 'split it'); new base."""
    base, found = cells.base.copy(), []
    for number, rows in events:
        fraction, surfaces = np.ones(len(rows)), np.zeros(len(rows), dtype=np.int16)
        for part in shapes[number].parts:
            inside, reach = part_fraction(part, cells.affine, cells.centres[rows], cells.size)
            cut = (inside > 0) & (inside < 1)
            unsure = _may_cut(part, cells, rows) if reach > FLAT_RADIUS else np.zeros(len(rows), dtype=bool)
            surfaces += np.where(unsure, 2, cut)
            fraction *= inside
        whole = (surfaces == 0) & (fraction >= 1)
        base[rows[whole]] = number
        keep = (surfaces > 0) & ((fraction > 0) | (surfaces > 1))
        found.append((number, rows[keep], fraction[keep].astype(np.float32), surfaces[keep]))
    return [(n, rows[base[rows] < n], f[base[rows] < n], s[base[rows] < n]) for n, rows, f, s in found], base


def _may_cut(part: Part, cells: Cells, rows: Rows) -> NDArray[np.bool_]:
    matrix, offset = part.in_index(cells.affine)
    reached = cells.centres[rows] @ matrix.T + offset
    reach = farthest(matrix * cells.size)
    return np.asarray(np.abs(np.sqrt((reached**2).sum(axis=1)) - 1.0) < reach)


def farthest(matrix: Floats) -> float:
    """The largest |matrix @ d| over the corners d of the unit cube about 0: how far a cell reaches, in radii."""
    corners = np.array([(1, i, j) for i in (-1, 1) for j in (-1, 1)], dtype=np.float64) / 2
    return float(np.linalg.norm(corners @ matrix.T, axis=1).max())
