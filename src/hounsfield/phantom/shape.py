"""Analytic shapes: ellipsoids, elliptic cylinders, boxes and their intersections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.errors import GeometryError

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Part:
    """The points x in RAS+ mm with |rows (x - center)| <= 1.

    `rows` is (m, 3): 3 rows are an ellipsoid, 2 an infinite elliptic cylinder, 1 a slab.
    """

    centre_mm: tuple[float, float, float]
    rows: tuple[tuple[float, float, float], ...]

    def in_index(self, affine: Floats) -> tuple[Floats, Floats]:
        """`matrix` (m, 3) and `offset` (m,): |matrix @ index + offset| <= 1 inside."""
        rows = np.array(self.rows, dtype=np.float64)
        return rows @ affine[:3, :3], rows @ (affine[:3, 3] - np.array(self.centre_mm))


@dataclass(frozen=True, slots=True)
class Shape:
    """The intersection of `parts`, filled with one `tissue` (its number)."""

    tissue: int
    parts: tuple[Part, ...]

    def cut(
        self, centre_mm: Sequence[float], normal: Sequence[float], thickness_mm: float
    ) -> Shape:
        """The part within `thickness_mm` / 2 of the plane through `centre_mm` with a normal."""
        return Shape(self.tissue, (*self.parts, _slab(centre_mm, normal, thickness_mm)))

    def contains(self, points_ras_mm: Floats) -> NDArray[np.bool_]:
        """Whether points (..., 3) are inside."""
        inside = np.ones(points_ras_mm.shape[:-1], dtype=bool)
        for part in self.parts:
            reached = (points_ras_mm - np.array(part.centre_mm)) @ np.array(part.rows).T
            inside &= np.einsum("...m,...m->...", reached, reached) <= 1.0
        return inside


def ellipsoid(
    tissue: int,
    centre_mm: Sequence[float],
    radii_mm: Sequence[float],
    turn_deg: Sequence[float] = (0.0, 0.0, 0.0),
) -> Shape:
    """An ellipsoid of semi-axes `radii_mm` along R, A, S, then rotated about R, A and S in order.

    >>> bool(ellipsoid(1, (0, 0, 0), (2, 3, 4)).contains(np.array([0.0, 2.9, 0.0])))
    True
    """
    return Shape(tissue, (_part(centre_mm, radii_mm, turn_deg, (0, 1, 2)),))


def tube(
    tissue: int,
    centre_mm: Sequence[float],
    radii_mm: Sequence[float],
    turn_deg: Sequence[float] = (0.0, 0.0, 0.0),
) -> Shape:
    """An elliptic cylinder along S with radii along R and A and half length along S, rotated."""
    round_part = _part(centre_mm, radii_mm, turn_deg, (0, 1))
    return Shape(tissue, (round_part, _part(centre_mm, radii_mm, turn_deg, (2,))))


def rod(
    tissue: int,
    start_mm: Sequence[float] | Floats,
    stop_mm: Sequence[float] | Floats,
    radius_mm: float,
) -> Shape:
    """A cylinder between two points.

    >>> bool(rod(1, (0, 0, 0), (0, 9, 0), 2).contains(np.array([1.0, 8.0, 1.0])))
    True
    """
    start, stop = np.array(start_mm, dtype=np.float64), np.array(stop_mm, dtype=np.float64)
    length = float(np.linalg.norm(stop - start))
    way = (stop - start) / length
    first = np.cross(way, np.eye(3)[np.abs(way).argmin()])
    first /= np.linalg.norm(first)
    around = np.stack([first, np.cross(way, first)]) / radius_mm
    middle = _triple((start + stop) / 2)
    return Shape(
        tissue,
        (
            Part(middle, tuple(_triple(row) for row in around)),
            Part(middle, (_triple(way / (length / 2)),)),
        ),
    )


def within(shape: Shape, other: Shape) -> Shape:
    """The part of `shape` within another."""
    return Shape(shape.tissue, (*shape.parts, *other.parts))


def box(
    tissue: int,
    centre_mm: Sequence[float],
    halves_mm: Sequence[float],
    turn_deg: Sequence[float] = (0.0, 0.0, 0.0),
) -> Shape:
    """A box of half edges `halves_mm` along R, A, S, then rotated as an ellipsoid."""
    return Shape(tissue, tuple(_part(centre_mm, halves_mm, turn_deg, (axis,)) for axis in range(3)))


def moved(
    shapes: Sequence[Shape], *, size: float = 1.0, turn_deg: Sequence[float] = (0.0, 0.0, 0.0)
) -> tuple[Shape, ...]:
    """The shapes scaled by `size`, then rotated by `turn_deg`, both about the origin."""
    if size == 1.0 and not any(turn_deg):
        return tuple(shapes)
    turn = rotation(turn_deg)

    def part(one: Part) -> Part:
        rows = np.array(one.rows) @ turn.T / size
        return Part(
            _triple(turn @ np.array(one.centre_mm) * size), tuple(_triple(row) for row in rows)
        )

    return tuple(Shape(shape.tissue, tuple(map(part, shape.parts))) for shape in shapes)


def _part(
    centre_mm: Sequence[float],
    radii_mm: Sequence[float],
    turn_deg: Sequence[float],
    axes: tuple[int, ...],
) -> Part:
    if min(radii_mm) <= 0:
        raise GeometryError(f"radii are {tuple(radii_mm)} mm; expected over 0")
    inverse = rotation(turn_deg).T
    rows = tuple(
        (float(r), float(a), float(s))
        for r, a, s in (inverse[axis] / radii_mm[axis] for axis in axes)
    )
    return Part(_triple(centre_mm), rows)


def _slab(centre_mm: Sequence[float], normal: Sequence[float], thickness_mm: float) -> Part:
    row = np.array(normal, dtype=np.float64)
    return Part(_triple(centre_mm), (_triple(row / np.linalg.norm(row) / (thickness_mm / 2)),))


def _triple(values: Sequence[float] | Floats) -> tuple[float, float, float]:
    first, second, third = (float(value) for value in values)
    return (first, second, third)


def rotation(turn_deg: Sequence[float]) -> Floats:
    """The rotation (3, 3) by angles in degrees about the fixed axes R, then A, then S."""
    result = np.eye(3)
    for axis, angle in enumerate(np.radians(turn_deg)):
        turn = np.eye(3)
        one, two = [n for n in range(3) if n != axis]
        turn[one, one] = turn[two, two] = np.cos(angle)
        sign = -1.0 if axis == 1 else 1.0
        turn[one, two], turn[two, one] = -sign * np.sin(angle), sign * np.sin(angle)
        result = turn @ result
    return result
