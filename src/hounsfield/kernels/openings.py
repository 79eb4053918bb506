"""Find where the skull is open, and close it by a surface from the rim of each opening.

From a point within the skull one ray runs in each direction of a sphere until it meets bone. The
distances to the inner table are fitted by a smooth function of the direction. A direction is open
if its ray leaves the head, or meets bone only far behind that function (design/masks.md).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hounsfield.kernels.mask import Bits, Spacing
from hounsfield.kernels.sphere import Flags, Floats, Numbers, sphere

STEP_MM = 1.0
"""Distance of samples along a ray: half a cell."""

REACH_MM = 180.0
"""Length of a ray; the cranial cavity is up to 200 mm long, so 120 mm from its centre."""

DEGREES = (4, 3)
"""Degrees of the homogeneous polynomials of a direction; on the sphere they span all up to 4.

Degree 4 fits the inner table within 13 mm (95 %: 8 mm) on the phantom and on a real head, and does
not bend into a defect of 80 mm."""

FIT_STEPS = 8
"""Steps of reweighting towards the least absolute deviation, so that ridges and holes weigh
little."""

LEAST_DEVIATION_MM = 1.5
"""Deviations below this have equal weights."""

STIFFNESS = 1e-3
"""Weight, relative to the rays, that keeps the fit near a sphere where there is no bone."""

BEHIND_MM = 18.0
"""Bone this far behind the fit does not close a direction.

The middle fossae are up to 13 mm behind it, the floor of an orbit 35 mm, the first vertebra seen
through the foramen magnum 10 to 30 mm."""

JUMP_MM = 6.0
"""A direction at the rim is open too if its bone is this far behind the closing surface."""

RIM_STEPS = 3
"""How often the rim is widened: 3 directions are 12 mm, the first vertebra's height."""

LEAST_MM2 = 150.0
"""Smallest opening that is closed: 14 mm across.

Jugular foramen, carotid canal and orbital fissure are smaller; the first mask closes those."""

SMOOTH_STEPS = 300
"""Steps of relaxation; an opening of 100 mm is 25 directions wide."""

MOST_BULGE_MM = 10.0
"""Largest deviation of a rim from the fit: ridges of the base and jumps are no rim."""

LEAST_SIGHTED = 0.03
"""Least fraction of directions with bone for which a fit is made: seven per coefficient."""

DECIMALS = 3
"""Decimals of distances in mm, so that the order of sums (of axes, of threads) does not matter."""

HIT, OUTSIDE, BEYOND = 1, 2, 3
"""What a ray meets first: bone, the outside of the head, the end of the volume."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """An opening of the skull.

    `way` is the unit vector along (i, j, k) from the middle of the skull, `area_mm2` the area of
    the surface that closes it, `width_mm` its largest diameter, `volume_ml` the volume that only
    this surface encloses.
    """

    way: tuple[float, float, float]
    area_mm2: float
    width_mm: float
    volume_ml: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rays:
    """What each ray meets first: its kind and its distance."""

    kinds: NDArray[np.uint8]
    lengths_mm: Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Openings:
    """The openings of a skull around `centre_mm`, and the surfaces that close them.

    `lids_mm` (directions,) is the distance of the surface, infinite where bone is; `clusters` are
    the directions of each opening; `sighted` is the fraction of directions in which bone is met.
    """

    centre_mm: Floats
    lids_mm: Floats
    clusters: tuple[Flags, ...]
    sighted: float

    def beyond(self, cells: Bits, spacing_mm: Spacing) -> Bits:
        """The cells behind a surface."""
        index = np.argwhere(cells.expand())
        way, distance = self._polar(index, spacing_mm)
        hidden = np.zeros(cells.shape, bool)
        hidden[tuple(index[distance > self.lids_mm[way]].T)] = True
        return Bits.pack(hidden)

    def measured(self, cells: Bits, spacing_mm: Spacing) -> tuple[Opening, ...]:
        """The openings, largest first, each with the volume of the `cells` in its directions."""
        way, _ = self._polar(np.argwhere(cells.expand()), spacing_mm)
        counts = np.bincount(way, minlength=len(self.lids_mm)) * float(np.prod(spacing_mm)) / 1000
        found = [self._opening(each, counts) for each in self.clusters]
        return tuple(sorted(found, key=lambda each: -each.area_mm2))

    def _opening(self, cluster: Flags, counts: Floats) -> Opening:
        ways, weights = sphere().ways[cluster], sphere().weights[cluster]
        points = ways * self.lids_mm[cluster][:, None]
        middle = weights @ points
        i, j, k = (float(value) for value in middle / np.linalg.norm(middle))
        apart = np.linalg.norm(points[:, None] - points, axis=-1)
        return Opening(
            way=(i, j, k),
            area_mm2=float(weights @ self.lids_mm[cluster] ** 2),
            width_mm=float(apart.max()),
            volume_ml=float(counts[sphere().grown(cluster)].sum()),
        )

    def _polar(self, index: Numbers, spacing_mm: Spacing) -> tuple[Numbers, Floats]:
        """The direction and distance of cells (n, 3) from the centre."""
        vectors = (index + 0.5) * np.array(spacing_mm) - self.centre_mm
        vectors[~vectors.any(axis=1)] = (1e-3, 0, 0)
        return sphere().number_of(vectors), np.linalg.norm(vectors, axis=1)


def find_openings(
    wall: Bits, outside: Bits, *, seed: Bits, spacing_mm: Spacing, cut_faces: Flags
) -> Openings:
    """Find the openings of a skull `wall` around the middle of `seed`.

    `outside` is the air around the head; `cut_faces` (3, 2) are the faces of the volume that cut
    the skull, through which rays may leave.
    """
    centre = (np.argwhere(seed.expand()).mean(axis=0) + 0.5) * np.array(spacing_mm)
    met = _march(wall, outside, centre, spacing_mm, cut_faces)
    closed = met.kinds == HIT
    sighted = float(closed.mean())
    clusters: list[Flags] = []
    lids = np.full(len(closed), np.inf)
    if sighted >= LEAST_SIGHTED:
        clusters, lids = _closed_clusters(met, _fitted(met.lengths_mm, closed))
    return Openings(centre_mm=centre, lids_mm=lids, clusters=tuple(clusters), sighted=sighted)


def _march(
    wall: Bits, outside: Bits, centre: Floats, spacing_mm: Spacing, cut_faces: Flags
) -> Rays:
    """Follow a ray in each direction; one that leaves the volume where no face cuts the skull is
    a HIT there, far away."""
    state = np.where(wall.expand() > 0, HIT, outside.expand() * OUTSIDE).astype(np.uint8)
    steps = np.arange(0.0, REACH_MM, STEP_MM)
    ways = sphere().ways
    kinds, lengths = np.full(len(ways), BEYOND, np.uint8), np.full(len(ways), REACH_MM)
    going = np.arange(len(ways))
    for step in steps:
        index = np.floor((centre + step * ways[going]) / np.array(spacing_mm)).astype(np.int64)
        inside = ((index >= 0) & (index < state.shape)).all(axis=1)
        found = np.full(len(going), BEYOND, np.uint8)
        found[inside] = state[tuple(index[inside].T)]
        left = index[~inside]
        found[~inside] = np.where(_is_cut(left, state.shape, cut_faces), BEYOND, HIT)
        kinds[going[found > 0]], lengths[going[found > 0]] = found[found > 0], step
        going = going[found == 0]
    return Rays(kinds=kinds, lengths_mm=lengths)


def _is_cut(index: Numbers, shape: tuple[int, ...], cut_faces: Flags) -> Flags:
    """Whether cells outside the volume are behind a face that cuts the skull."""
    return np.asarray(
        ((index < 0) & cut_faces[:, 0]).any(axis=1)
        | ((index >= np.array(shape)) & cut_faces[:, 1]).any(axis=1)
    )


def _fitted(lengths: Floats, closed: Flags) -> Floats:
    """A smooth function of the direction through the lengths of the closed ones."""
    x, y, z = sphere().ways.T
    powers = [
        (a, b, degree - a - b)
        for degree in DEGREES
        for a in range(degree + 1)
        for b in range(degree + 1 - a)
    ]
    terms = np.stack([x**a * y**b * z**c for a, b, c in powers], axis=1)
    middle = float(np.median(lengths[closed]))
    weights, fit = closed.astype(np.float64), np.zeros(len(lengths))
    for _ in range(FIT_STEPS):
        weighted = terms * (weights * sphere().weights)[:, None]
        normal = weighted.T @ terms + STIFFNESS * np.eye(terms.shape[1])
        fit = terms @ np.linalg.solve(normal, weighted.T @ (lengths - middle)) + middle
        weights = closed / np.maximum(np.abs(lengths - fit), LEAST_DEVIATION_MM)
    return np.asarray(fit.round(DECIMALS))


def _closed_clusters(met: Rays, smooth: Floats) -> tuple[list[Flags], Floats]:
    """The clusters of open directions, and the distances of the surfaces that close them."""
    far = (met.kinds != BEYOND) & (met.lengths_mm > smooth + BEHIND_MM)
    opened = _large(far | (met.kinds == OUTSIDE), smooth)
    rim = (met.kinds == HIT) & ~opened
    for _ in range(RIM_STEPS):
        wider = sphere().grown(opened) & (met.kinds != BEYOND)
        lids = _lids(met, smooth, wider, rim & ~wider)
        opened = opened | (wider & (met.lengths_mm > lids + JUMP_MM))
    lids = _lids(met, smooth, opened, rim & ~opened)
    return sphere().clusters(opened), np.where(opened, lids, np.inf)


def _large(opened: Flags, smooth: Floats) -> Flags:
    """The clusters of at least `LEAST_MM2`."""
    areas = sphere().weights * smooth**2
    kept = np.zeros(len(opened), bool)
    for cluster in sphere().clusters(opened):
        if areas[cluster].sum() >= LEAST_MM2:
            kept |= cluster
    return kept


def _lids(met: Rays, smooth: Floats, opened: Flags, rim: Flags) -> Floats:
    """The fit, plus its deviation at the rim as a membrane spans it over the open directions."""
    bulge = np.where(rim, np.clip(met.lengths_mm - smooth, -MOST_BULGE_MM, MOST_BULGE_MM), 0.0)
    known = rim | opened
    around = sphere().neighbours[opened]
    usable = (around >= 0) & known[around]
    share = usable / np.maximum(usable.sum(axis=1, keepdims=True), 1)
    for _ in range(SMOOTH_STEPS if opened.any() else 0):
        bulge[opened] = (bulge[around] * share).sum(axis=1)
    return np.asarray((smooth + bulge).round(DECIMALS))
