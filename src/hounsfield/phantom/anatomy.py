"""The head as a list of shapes; later shapes cover earlier ones.

RAS+ mm from the center of the cranium; vertex at S = 84, foramen magnum at S = -58.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

from hounsfield.phantom.shape import Floats, Part, Shape, box, ellipsoid, tube
from hounsfield.phantom.tissue import Tissue as T

SIDES = (-1, 1)
SCALP_RADII_MM = (76.0, 95.0, 84.0)
SKULL_RADII_MM = (70.0, 90.0, 79.0)
CAVITY_RADII_MM = (66.0, 83.0, 73.0)
BRAIN_RADII_MM = (64.6, 81.4, 71.4)
FLOOR_MM = -24.0
"""Floor of the anterior fossa: the upper cavity ends here, the fossae below are separate."""

FORAMEN_MM = -58.0
"""Plane of the foramen magnum, where the brain ends."""

TEETH = ((4, 87), (12, 84), (19, 78), (24, 70), (27, 61))
"""Upper teeth of one side, R and A in mm."""

TEXTURE_SEED = 20
"""Seed of the positions of gyri, sulci and air cells; part of the anatomy, not of the noise."""


def patient(bones: Sequence[Shape] = (), contents: Sequence[Shape] = ()) -> tuple[Shape, ...]:
    """Scalp, skull, face and neck with their contents; `bones` and `contents` cover the default."""
    return (
        *_skin(),
        *_bone(),
        *bones,
        *_openings(),
        *_brain(),
        *_deep_brain(),
        *_bleeds(),
        *contents,
        *_skull_base(),
        *_face(),
    )


def headrest() -> tuple[Shape, ...]:
    """A cradle around the occiput, 2 mm from the scalp: foam in a thin plastic shell."""

    def cradle(tissue: T, radius: float) -> Shape:
        return tube(tissue, (0, -6, -10), (radius, radius, 100)).cut((0, -103, 0), (0, 1, 0), 90)

    return (
        cradle(T.REST_SHELL, 112),
        cradle(T.REST_FOAM, 110),
        cradle(T.REST_SHELL, 93),
        cradle(T.AIR, 91.2),
    )


def table() -> tuple[Shape, ...]:
    """The table top under the headrest: foam in a shell."""
    return (
        box(T.TABLE, (0, -128, 0), (210, 8, 600)),
        box(T.TABLE_FOAM, (0, -128, 0), (208, 6.5, 600)),
    )


def _above(shape: Shape, level_mm: float) -> Shape:
    return shape.cut((0, 0, level_mm + 150), (0, 0, 1), 300)


def _skin() -> Sequence[Shape]:
    grown = ((T.SKIN, 0.0), (T.FAT, 1.8), (T.MUSCLE, 4.6))
    layers = []
    for tissue, depth in grown:
        layers += [
            ellipsoid(tissue, (0, 0, 0), np.subtract(SCALP_RADII_MM, depth).tolist()),
            ellipsoid(tissue, (0, 40, -52), (64 - depth, 57 - depth, 72 - depth)),
            tube(tissue, (0, -18, -100), (56 - depth, 58 - depth, 62)),
        ]
    nose = [
        ellipsoid(tissue, (0, 92 - depth, -44), (13 - depth, 22 - depth, 19 - depth), (-25, 0, 0))
        for tissue, depth in ((T.SKIN, 0.0), (T.CARTILAGE, 2.2))
    ]
    ears = [
        ellipsoid(
            tissue,
            (side * (75 - depth), -16, -30),
            (6 - depth / 3, 15 - depth, 27 - depth),
            (12, side * 10, side * -22),
        )
        for side in SIDES
        for tissue, depth in ((T.SKIN, 0.0), (T.CARTILAGE, 1.6))
    ]
    return [*ears, *layers[:3], *nose[:1], *layers[3:6], *nose[1:], *layers[6:]]


def _fossae(tissue: T, grow: float) -> Sequence[Shape]:
    """Middle and posterior fossae, larger by `grow` on all sides."""
    return [
        *(
            ellipsoid(tissue, (side * 33, 12, -24), (27 + grow, 30 + grow, 20 + grow))
            for side in SIDES
        ),
        ellipsoid(tissue, (0, -42, -28), (50 + grow, 38 + grow, 30 + grow)),
    ]


def _bone() -> Sequence[Shape]:
    diploe = ((68.7, 88.2, 77.3), (67.5, 84.6, 74.7))
    vault = [(T.COMPACT_BONE, SKULL_RADII_MM), (T.DIPLOE, diploe[0]), (T.COMPACT_BONE, diploe[1])]
    zygoma = [
        ellipsoid(T.COMPACT_BONE, (side * 53, 48, -46), (4, 20, 5), (0, 0, side * 12))
        for side in SIDES
    ]
    jaw = [
        ellipsoid(T.COMPACT_BONE, (side * 47, 20, -72), (5, 11, 22), (12, 0, 0)) for side in SIDES
    ]
    body = [
        ellipsoid(T.COMPACT_BONE, (side * 28, 50, -98), (6, 36, 10), (0, 0, side * 30))
        for side in SIDES
    ]
    orbits = [ellipsoid(T.COMPACT_BONE, (side * 31, 66, -32), (20, 24, 19)) for side in SIDES]
    sinuses = [ellipsoid(T.COMPACT_BONE, (side * 29, 62, -60), (16, 19, 15)) for side in SIDES]
    middle = [
        box(T.COMPACT_BONE, (0, 16, -38), (13, 26, 12)),
        ellipsoid(T.COMPACT_BONE, (0, 84, -14), (24, 9, 15)),
        ellipsoid(T.COMPACT_BONE, (0, 72, -36), (13, 22, 15)),
        box(T.COMPACT_BONE, (0, 62, -72), (24, 24, 2.5)),
    ]
    spine = [
        tube(T.COMPACT_BONE, (0, -38, -72), (36, 24, 6)),
        tube(T.COMPACT_BONE, (0, -22, -98), (18, 14, 16)),
        tube(T.DIPLOE, (0, -22, -98), (15, 11, 14)),
        ellipsoid(T.COMPACT_BONE, (0, -62, -100), (6, 20, 8)),
    ]
    mastoids = [ellipsoid(T.COMPACT_BONE, (side * 54, -28, -42), (10, 16, 19)) for side in SIDES]
    return [
        *zygoma,
        *jaw,
        *body,
        *spine,
        *orbits,
        *sinuses,
        *middle,
        *mastoids,
        *_fossae(T.COMPACT_BONE, 3.5),
        *(_above(ellipsoid(tissue, (0, 0, 0), radii), FLOOR_MM - 3) for tissue, radii in vault),
    ]


def _openings() -> Sequence[Shape]:
    """Openings of the skull base: the foramen magnum with the cord, veins and arteries."""
    canal = [
        tube(T.SPINAL_FLUID, (0, -42, -95), (14, 15, 40)),
        tube(T.CORD, (0, -42, -95), (6.5, 5.5, 41)),
    ]
    veins = [
        tube(T.MUSCLE, (side * 24, -34, -58), (4.5, 3.5, 10), (0, side * 15, 0)) for side in SIDES
    ]
    arteries = [tube(T.MUSCLE, (side * 16, 6, -50), (3, 3, 10), (20, 0, 0)) for side in SIDES]
    return [*canal, *veins, *arteries]


def _brain() -> Sequence[Shape]:
    brain = _above(ellipsoid(T.GREY, (0, 0, 0), BRAIN_RADII_MM), FLOOR_MM + 1.5)
    white = _above(ellipsoid(T.WHITE, (0, 0, 0), (57.5, 73.5, 63)), FLOOR_MM + 6)
    exit_ = tube(T.CSF, (0, -42, (FORAMEN_MM - 46) / 2), (14, 15, (-46 - FORAMEN_MM) / 2))
    cerebellum = [ellipsoid(T.WHITE, (side * 20, -46, -28), (20, 21, 14)) for side in SIDES]
    cavity = _above(ellipsoid(T.CSF, (0, 0, 0), CAVITY_RADII_MM), FLOOR_MM)
    fissure = Shape(T.CSF, (*ellipsoid(T.CSF, (0, 0, 30), (2.2, 90, 90)).parts, *cavity.parts))
    falx = Shape(T.DURA, (*ellipsoid(T.DURA, (0, 0, 30), (0.8, 90, 90)).parts, *cavity.parts))
    lobes = _fossae(T.GREY, -1.5)
    temporal = [ellipsoid(T.WHITE, (side * 33, 12, -24), (17, 22, 12)) for side in SIDES]
    return [
        cavity,
        *_fossae(T.CSF, 0.0),
        exit_,
        brain,
        *lobes,
        *temporal,
        *cerebellum,
        white,
        *_gyri(),
        *_sulci(),
        fissure,
        falx,
    ]


def _directions(count: int) -> Floats:
    """Jittered directions over the upper part of a sphere, by the golden angle."""
    numbers = np.arange(count) + 0.5
    height = 1 - 1.28 * numbers / count
    angle = np.pi * (1 + 5**0.5) * numbers
    across = np.sqrt(1 - height**2)
    jitter = np.random.default_rng(TEXTURE_SEED).normal(0, 0.05, (count, 3))
    ways = np.stack([across * np.cos(angle), across * np.sin(angle), height], axis=1) + jitter
    return np.asarray(ways / np.linalg.norm(ways, axis=1, keepdims=True), dtype=np.float64)


def _leaf(
    tissue: T, way: Floats, depth: float, radii: Sequence[float], spin: float, within: Shape
) -> Shape:
    """An ellipsoid at the surface of the brain, second axis along `way`, rotated about it."""
    point = way * np.array(BRAIN_RADII_MM) * depth
    normal = way / np.array(BRAIN_RADII_MM)
    normal /= np.linalg.norm(normal)
    first = np.cross(normal, (np.cos(spin), np.sin(spin), 0.35))
    first /= np.linalg.norm(first)
    rows = np.stack([first, normal, np.cross(first, normal)]) / np.array(radii)[:, None]
    part = Part(
        (float(point[0]), float(point[1]), float(point[2])),
        tuple((float(a), float(b), float(c)) for a, b, c in rows),
    )
    return Shape(tissue, (part, *within.parts))


def _gyri() -> Sequence[Shape]:
    within = _above(ellipsoid(T.WHITE, (0, 0, 0), (62.5, 79, 69)), FLOOR_MM + 4)
    return [
        _leaf(T.WHITE, way, 0.9, (4, 8, 14), 2.4 * n, within)
        for n, way in enumerate(_directions(70))
    ]


def _sulci() -> Sequence[Shape]:
    within = _above(ellipsoid(T.CSF, (0, 0, 0), BRAIN_RADII_MM), FLOOR_MM + 1.5)
    ways = _directions(130)
    return [
        _leaf(T.CSF, way, 0.99, (1.1 + 0.5 * (n % 3), 8 + n % 5, 13), 1.7 * n, within)
        for n, way in enumerate(ways)
    ]


def _deep_brain() -> Sequence[Shape]:
    shapes = [ellipsoid(T.WHITE, (0, 4, 4), (34, 46, 24))]
    for side in SIDES:
        shapes += [
            ellipsoid(T.GREY, (side * 11, -2, -1), (8, 14, 9)),
            ellipsoid(T.GREY, (side * 25, 12, 0), (7, 18, 10), (0, 0, side * 12)),
            ellipsoid(T.GREY, (side * 15, 27, 7), (4.5, 10, 9), (0, 0, side * 20)),
            ellipsoid(T.VENTRICLE, (side * 9, 8, 14), (5, 28, 7), (8, 0, side * 6)),
            ellipsoid(T.VENTRICLE, (side * 10, 33, 7), (4.5, 13, 9), (0, 0, side * -22)),
            ellipsoid(T.VENTRICLE, (side * 20, -28, 5), (6, 17, 8), (-6, 0, side * 22)),
            ellipsoid(T.VENTRICLE, (side * 32, -2, -18), (2.5, 14, 3), (-10, 0, side * -14)),
            ellipsoid(T.CALCIFICATION, (side * 21, -29, 4), (2, 3.5, 2.5)),
        ]
    stem = [
        ellipsoid(T.BRAINSTEM, (0, -10, -26), (16, 11, 15)),
        ellipsoid(T.BRAINSTEM, (0, -14, -10), (13, 10, 10)),
        tube(T.BRAINSTEM, (0, -32, -47), (8, 7, 18), (-32, 0, 0)).cut(
            (0, 0, FORAMEN_MM + 50), (0, 0, 1), 100
        ),
    ]
    middle = [
        ellipsoid(T.VENTRICLE, (0, 2, -4), (2, 14, 9)),
        ellipsoid(T.VENTRICLE, (0, -28, -30), (7, 5, 9)),
        ellipsoid(T.CALCIFICATION, (0, -19, 0), (1.8, 2.2, 1.8)),
        ellipsoid(T.CSF, (0, 6, -19), (11, 9, 5)),
    ]
    return [*shapes, *stem, *middle]


def _bleeds() -> Sequence[Shape]:
    """A bleed with edema in the left basal ganglia, and an epidural bleed on the right."""
    lens = ellipsoid(T.BLEED, (66, -14, 30), (13, 32, 27))
    cavity = ellipsoid(T.BLEED, (0, 0, 0), CAVITY_RADII_MM)
    return [
        ellipsoid(T.EDEMA, (-30, 10, 8), (16, 24, 15), (0, 0, -12)),
        ellipsoid(T.BLEED, (-29, 11, 8), (11, 18, 11), (0, 0, -12)),
        ellipsoid(T.BLEED, (-24, -5, 12), (6, 7, 6)),
        Shape(T.BLEED, (*lens.parts, *cavity.parts)),
    ]


def _skull_base() -> Sequence[Shape]:
    """Petrous bones, ear canals, mastoid air cells, clivus and sphenoid sinus."""
    petrous = [
        ellipsoid(T.PETROUS_BONE, (side * 38, -13, -38), (25, 8, 9), (0, 0, side * -32))
        for side in SIDES
    ]
    clivus = [
        ellipsoid(T.COMPACT_BONE, (0, 4, -42), (14, 7, 13), (25, 0, 0)),
        box(T.COMPACT_BONE, (0, 12, -25), (7, 1.5, 5)),
        ellipsoid(T.INNER_AIR, (-6, 26, -38), (7, 12, 8)),
        ellipsoid(T.INNER_AIR, (7, 25, -39), (5.4, 11, 7)),
    ]
    canals = [
        tube(T.INNER_AIR, (side * 66, -20, -38), (3.4, 3.4, 19), (0, 90, 0)) for side in SIDES
    ]
    cells = []
    chance = np.random.default_rng(TEXTURE_SEED)
    for side, i, j, k in product(SIDES, range(2), range(3), range(4)):
        place = np.array([50.5 + 6 * i, -35 + 6.5 * j, -54 + 7 * k]) + chance.uniform(-1.2, 1.2, 3)
        radii = chance.uniform(1.6, 2.9, 3).tolist()
        cells.append(ellipsoid(T.INNER_AIR, (side * place[0], place[1], place[2]), radii))
    return [*petrous, *clivus, *canals, *cells]


def _face() -> Sequence[Shape]:
    """Orbits with eyes, nasal cavity, sinuses, airway and teeth."""
    shapes = [
        ellipsoid(T.INNER_AIR, (0, 32, -84), (11, 7, 30)),
        ellipsoid(T.INNER_AIR, (0, 42, -56), (13, 10, 10)),
    ]
    for side in SIDES:
        shapes += [
            ellipsoid(T.FAT, (side * 31, 70, -32), (17.6, 23, 16.6), (0, 0, side * -8)),
            ellipsoid(T.MUSCLE, (side * 31, 62, -31), (1.8, 24, 1.8), (0, 0, side * -18)),
            ellipsoid(T.MUSCLE, (side * 43, 64, -32), (1.8, 16, 4), (0, 0, side * 12)),
            ellipsoid(T.MUSCLE, (side * 21, 64, -32), (2, 16, 4.5), (0, 0, side * -6)),
            ellipsoid(T.EYE, (side * 32, 80, -32), (12, 12, 12)),
            ellipsoid(T.LENS, (side * 32, 88, -32), (4.5, 2, 4.5)),
            ellipsoid(T.INNER_AIR, (side * 29, 62, -60), (14, 17, 13)),
            ellipsoid(T.INNER_AIR, (side * 7, 66, -52), (5.2, 30, 16), (-12, 0, 0)),
            ellipsoid(T.MUSCLE, (side * 8.5, 64, -56), (2.4, 22, 4)),
            ellipsoid(T.INNER_AIR, (side * 10, 85, -12), (8.5, 3.4, 9), (6, 0, side * 8)),
            *(
                ellipsoid(T.INNER_AIR, (side * 7.6, 50 + 8.6 * n, -32), (3.4, 3.7, 7))
                for n in range(4)
            ),
            *(ellipsoid(T.TOOTH, (side * x, y, -82), (3.6, 3.6, 8)) for x, y in TEETH),
        ]
    return shapes
