"""Directions spread over a sphere: the surface of a cube of points, with their neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

from hounsfield.kernels.mask import Bits, components

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Numbers = NDArray[np.int64]

HALF = 16
"""Half the edge of the cube in points: directions 2.8 degrees from each other, 4 mm at 80 mm."""

EDGE = 2 * HALF + 1

FEWEST = 5
"""Fewest directions of a cluster; at 80 mm five are 75 mm2."""


@dataclass(frozen=True, slots=True, eq=False)
class Sphere:
    """The directions, the same for any order or sign of the axes.

    `ways` (n, 3) are unit vectors, `weights` (n,) their solid angles in sr, `places` (n, 3) their
    places in the cube, `numbers` the number of the direction of each place (-1 within the cube),
    and `neighbours` (n, 26) the numbers around each direction, -1 where there is none.
    """

    ways: Floats
    weights: Floats
    places: Numbers
    numbers: Numbers
    neighbours: Numbers

    def number_of(self, vectors: Floats) -> Numbers:
        """The number of the direction nearest to each vector (n, 3), which may not be 0."""
        faces = vectors / np.abs(vectors).max(axis=1, keepdims=True)
        at = np.rint(np.arctan(faces) * (4 / np.pi) * HALF).astype(np.int64) + HALF
        return np.asarray(self.numbers[at[:, 0], at[:, 1], at[:, 2]])

    def clusters(self, chosen: Flags) -> list[Flags]:
        """The connected groups of at least `FEWEST` chosen directions, as flags of all."""
        cube = np.zeros((EDGE, EDGE, EDGE), bool)
        cube[tuple(self.places[chosen].T)] = True
        parts = components(Bits.pack(cube))
        return [
            parts.keep(np.arange(len(parts.sizes)) == n).expand()[tuple(self.places.T)] > 0
            for n in np.flatnonzero(parts.sizes >= FEWEST)
        ]

    def grown(self, chosen: Flags) -> Flags:
        """The chosen directions and their neighbours."""
        around = self.neighbours
        return chosen | (chosen[around] & (around >= 0)).any(axis=1)


@cache
def sphere() -> Sphere:
    """Return the directions; they are computed once."""
    cube = np.stack(np.meshgrid(*[np.arange(-HALF, HALF + 1)] * 3, indexing="ij"), axis=-1)
    surface = np.abs(cube).max(axis=-1) == HALF
    places = cube[surface]
    faces = np.tan(places * (np.pi / 4 / HALF))
    length = np.linalg.norm(faces, axis=1)
    numbers = np.full(surface.shape, -1, np.int64)
    numbers[surface] = np.arange(len(places))
    weights = np.prod(1 + faces**2, axis=1) / 2 / length**3 * (np.pi / 4 / HALF) ** 2
    weights[(np.abs(places) == HALF).all(axis=1)] *= 0.75  # three quarters meet in a corner
    wide = np.pad(numbers, 1, constant_values=-1)
    steps = [step for step in product((0, 1, 2), repeat=3) if step != (1, 1, 1)]
    inner = places + HALF
    around = [wide[tuple((inner + step).T)] for step in np.array(steps)]
    return Sphere(
        faces / length[:, None], weights, inner, numbers, np.stack(around, axis=1, dtype=np.int64)
    )
