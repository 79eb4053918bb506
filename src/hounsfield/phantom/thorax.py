"""The chest as a list of shapes; later shapes cover earlier ones.

RAS+ mm from a point in the middle of the chest; carina at S = 30, apices at S = 150, diaphragm
at S = -62.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hounsfield.phantom.shape import Shape, box, ellipsoid, rod, tube, within
from hounsfield.phantom.tissue import Tissue as T

SIDES = {"left": -1, "right": 1}
LUNG = {"left": T.LUNG_LEFT, "right": T.LUNG_RIGHT}
VESSEL = {"left": T.VESSEL_LEFT, "right": T.VESSEL_RIGHT}

CENTRE_MM = (73.0, -5.0, -110.0)
"""Centre of the ellipsoid of a lung; R is that of the right one."""

RADII_MM = (61.0, 92.0, 260.0)
"""Radii of that ellipsoid; the diaphragm cuts it at half its height."""

BASE_MM = -140.0
"""Lowest point of a lung, in the recess around the dome of the diaphragm."""

DOME_MM = ((72.0, -3.0, -137.0), (55.0, 82.0, 75.0))
"""Centre and radii of the dome: the recess around it is 6 to 11 mm wide."""

CARINA_MM = (0.0, -30.0, 30.0)
TRACHEA_MM = 9.0
"""Radius of the trachea; 15 to 20 mm is the width in adults."""

BRONCHI_MM = {"left": ((-46.0, -32.0, 2.0), 6.0), "right": ((38.0, -32.0, -4.0), 7.0)}
"""Ends and radii of the main bronchi: 12 and 14 mm wide."""

WALL_MM = 1.5
HILUM_MM = (32.0, -28.0, 0.0)
"""Where the vessels of the right lung start."""

RIB_STEP_MM = 30.0
TEXTURE_SEED = 7
"""Seed of the directions of vessels; part of the anatomy, not of the noise."""

VESSELS = 30
"""Vessels of each lung."""

PLEURA_MM = (107.4, -66.8, 15.0)
"""A point of the right pleura behind, where the nodule is."""

NODULE_DEPTH = 0.5
"""How far the centre of the nodule is within the pleura, in its radii."""


def body() -> tuple[Shape, ...]:
    """Skin, fat and muscle of trunk and neck."""
    layers = []
    for tissue, depth in ((T.SKIN, 0.0), (T.FAT, 2.0), (T.MUSCLE, 14.0)):
        layers += [
            tube(tissue, (0, 0, -120), (182 - depth, 142 - depth, 295 - depth)),
            tube(tissue, (0, -15, 230), (62 - depth, 64 - depth, 100)),
        ]
    return tuple(layers)


def table() -> tuple[Shape, ...]:
    """The table top on which the back is: foam in a shell."""
    return (
        box(T.TABLE, (0, -152, 0), (230, 9, 900)),
        box(T.TABLE_FOAM, (0, -152, 0), (228, 7.5, 900)),
    )


def cage() -> tuple[Shape, ...]:
    """Ribs as rings that descend to the front, and muscle within them; then spine and sternum."""
    rings = []
    for level in np.arange(-160.0, 161.0, RIB_STEP_MM):
        turn = (-12.0, 0.0, 0.0)
        rings += [
            tube(T.COMPACT_BONE, (0, 0, level), (153, 118, 5.0), turn),
            tube(T.MUSCLE, (0, 0, level), (147, 112, 5.5), turn),
        ]
    return tuple(rings)


def spine() -> tuple[Shape, ...]:
    """Vertebrae with the spinal canal up to the shoulders, the neck's, and the sternum."""
    trunk = [
        tube(T.COMPACT_BONE, (0, -76, -225), (19, 17, 375)),
        tube(T.DIPLOE, (0, -76, -225), (17, 15, 375)),
        box(T.COMPACT_BONE, (0, -104, -225), (14, 14, 375)),
        tube(T.CORD, (0, -98, -225), (8, 7, 375)),
    ]
    neck = [
        tube(T.COMPACT_BONE, (0, -56, 240), (12, 11, 90)),
        tube(T.DIPLOE, (0, -56, 240), (10, 9, 90)),
    ]
    return (*trunk, *neck, box(T.COMPACT_BONE, (0, 106, 40), (18, 5, 90)))


def lung(side: str, tissue: T | None = None) -> Shape:
    """The space of a lung down to its base, with the dome not yet cut out."""
    r, a, s = CENTRE_MM
    whole = ellipsoid(LUNG[side] if tissue is None else tissue, (SIDES[side] * r, a, s), RADII_MM)
    return whole.cut((0, 0, BASE_MM + 300), (0, 0, 1), 600)


def vessels(side: str) -> tuple[Shape, ...]:
    """Vessels from the hilum into the lung, a thick one and thinner ones, and bronchi beside."""
    random = np.random.default_rng((TEXTURE_SEED, SIDES[side] + 1))
    start, inside = np.array(HILUM_MM) * (SIDES[side], 1, 1), lung(side)
    trunk = np.array((SIDES[side] * 28.0, -6.0, -4.0))
    shapes = [rod(VESSEL[side], start, start + trunk, 7.0)]
    for _ in range(VESSELS):
        way = random.normal(size=3) * (1.0, 1.4, 1.8)
        way[0] = SIDES[side] * abs(way[0])
        way /= np.linalg.norm(way)
        length, radius = random.uniform(45, 110), random.uniform(1.0, 2.6)
        shapes.append(rod(VESSEL[side], start, start + way * length, radius))
    return tuple(within(shape, inside) for shape in shapes)


def tongues(septum_mm: float) -> tuple[Shape, ...]:
    """Both lungs before the heart, where only a septum is between them."""
    parts = [
        ellipsoid(LUNG[side], (sign * 28, 70, 45), (46, 12, 52), (0, 0, sign * -28)).cut(
            (sign * 100, 0, 0), (1, 0, 0), 200
        )
        for side, sign in SIDES.items()
    ]
    return (*parts, box(T.MUSCLE, (0, 84, 45), (septum_mm / 2, 22, 60)))


def mediastinum() -> tuple[Shape, ...]:
    """Fat with heart, aorta and oesophagus, in which there is a little gas."""
    return (
        ellipsoid(T.FAT, (0, 2, 20), (26, 72, 165)),
        ellipsoid(T.HEART, (-22, 28, -30), (58, 44, 56)),
        tube(T.HEART, (-21, -52, -60), (12, 12, 120)),
        rod(T.HEART, (-21, -52, 58), (8, 20, 58), 12.0),
        tube(T.MUSCLE, (-3, -49, -60), (7, 6, 240)),
        tube(T.GUT_GAS, (-3, -49, 0), (2.5, 2.0, 40)),
    )


def abdomen() -> tuple[Shape, ...]:
    """Diaphragm and liver in both domes, gas in the stomach and in the colon."""
    (r, a, s), radii = DOME_MM
    domes = [
        ellipsoid(tissue, (sign * r, a, s), np.subtract(radii, depth).tolist())
        for tissue, depth in ((T.MUSCLE, 0.0), (T.LIVER, 3.0))
        for sign in SIDES.values()
    ]
    return (
        *domes,
        tube(T.LIVER, (0, 0, BASE_MM - 150.5), (137, 101, 150)),
        ellipsoid(T.GUT_GAS, (-62, 22, -91), (30, 32, 22)),
        ellipsoid(T.GUT_GAS, (-85, 45, -165), (28, 30, 20)),
        ellipsoid(T.GUT_GAS, (80, 55, -170), (25, 25, 22)),
    )


def airway() -> tuple[Shape, ...]:
    """Trachea and main bronchi: walls, then lumina."""
    top = (0.0, CARINA_MM[1], 330.0)
    tubes = []
    for tissue, more in ((T.CARTILAGE, WALL_MM), (T.AIRWAY, 0.0)):
        tubes += [rod(tissue, CARINA_MM, top, TRACHEA_MM + more)]
        tubes += [ellipsoid(tissue, CARINA_MM, [TRACHEA_MM + more] * 3)]
        for end, radius in BRONCHI_MM.values():
            stop = np.array(end) + (np.array(end) - CARINA_MM) / 40 * more
            tubes.append(rod(tissue, CARINA_MM, stop, radius + more))
    return tuple(tubes)


def nodule(diameter_mm: float) -> tuple[Shape, ...]:
    """A nodule on the right pleura: the part of a ball that is in the lung."""
    inward = np.array(CENTRE_MM) * (1, 1, 0) + (0, 0, PLEURA_MM[2]) - PLEURA_MM
    inward /= np.linalg.norm(inward)
    centre = np.array(PLEURA_MM) + inward * (NODULE_DEPTH * diameter_mm / 2)
    ball = ellipsoid(T.NODULE, centre.tolist(), [diameter_mm / 2] * 3)
    return (within(ball, lung("right")),)


def disease(kind: str, side: str) -> Sequence[Shape]:
    """What replaces lung: consolidation or fluid behind, a lung without air, gas around it."""
    sign, whole = SIDES[side], lung(side)
    if kind == "consolidation":
        dense = ellipsoid(T.CONSOLIDATION, (sign * 85, -75, -60), (75, 50, 80))
        return [within(dense, whole)]
    if kind == "effusion":
        return [lung(side, T.EFFUSION).cut((0, -200 - 35, 0), (0, 1, 0), 400)]
    if kind == "atelectasis":
        return [lung(side, T.CONSOLIDATION)]
    small = ellipsoid(LUNG[side], (sign * 48, -20, 0), (28, 40, 65))
    return [lung(side, T.PLEURAL_GAS), within(small, whole)]
