"""A face for the head: nose, ears and frontal sinus of real sizes, and objects that touch it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from hounsfield.core.errors import GeometryError
from hounsfield.phantom import anatomy
from hounsfield.phantom.shape import Shape, box, ellipsoid, moved, tube
from hounsfield.phantom.tissue import TOUCHING
from hounsfield.phantom.tissue import Tissue as T

Touching = Literal["pad", "board", "strap", "sheet", "drape", "ear pad"]

EAR_MM = (62.0, 40.0, 21.0)
"""Length, width and protrusion of an ear: the diagonal of its box is 76 mm, as in real adult heads
(75 to 81 mm)."""

NOSE_MM = (52.0, 38.0, 30.0)
"""Height, width and protrusion of a nose with its root and wings, those of a large adult nose."""

SINUS_MM = (30.0, 30.0, 18.0)
"""Width, height and depth of one side of a frontal sinus of an adult."""

WALL_MM = 2.0
"""Thickness of the front wall of a frontal sinus: 2 to 4 mm of bone, under 5 mm of skin."""

SIZES = (0.5, 1.3)
"""Range of `size`: a newborn's head is 0.6 of the phantom's length, the largest adult's 1.15."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """Hold the parameters of a face, of the head's size and pose, and of objects that touch it.

    Parameters
    ----------
    nose_mm : tuple of float, default (52, 38, 30)
        Height, width and protrusion of the nose, mm.
    ear_mm : tuple of float, default (62, 40, 21)
        Length, width and protrusion of each ear, mm.
    sinus_mm : tuple of float, default (30, 30, 18)
        Width, height and depth of each side of the frontal sinus, mm.
    wall_mm : float, default 2
        Thickness of the bone in front of the frontal sinus, mm.
    size : float, default 1
        Scale of the patient about the centre of the cranium, from 0.5 to 1.3.
    turn_deg : tuple of float, default (0, 0, 0)
        Rotation of the patient about R, then A, then S, degrees; headrest and table stay.
    touching : tuple of str, default ()
        Objects that touch the head, each also a mask: 'pad' (a cushion of -300 HU under the
        occiput), 'board' (a table top of 100 HU under it), 'strap' (a band around the forehead),
        'sheet' (plastic of 29 mL on the vertex), 'drape' (a sheet on the tip of the nose),
        'ear pad' (a shell of plastic that presses on both ears).

    Raises
    ------
    GeometryError
        If a size is out of its range or an object is unknown.

    Examples
    --------
    >>> Face(touching=("strap",)).ear_mm
    (62.0, 40.0, 21.0)
    """

    nose_mm: tuple[float, float, float] = NOSE_MM
    ear_mm: tuple[float, float, float] = EAR_MM
    sinus_mm: tuple[float, float, float] = SINUS_MM
    wall_mm: float = WALL_MM
    size: float = 1.0
    turn_deg: tuple[float, float, float] = (0.0, 0.0, 0.0)
    touching: tuple[Touching, ...] = ()

    def __post_init__(self) -> None:
        lengths = (*self.nose_mm, *self.ear_mm, *self.sinus_mm, self.wall_mm)
        if not (np.isfinite([*lengths, *self.turn_deg]).all() and min(lengths) > 0):
            raise GeometryError("a length of the face is not over 0 mm, or an angle not finite")
        if not SIZES[0] <= self.size <= SIZES[1]:
            raise GeometryError(f"size is {self.size:g}; expected {SIZES[0]:g} to {SIZES[1]:g}")
        unknown = sorted(set(self.touching) - set(get_args(Touching)))
        if unknown:
            known = ", ".join(get_args(Touching))
            raise GeometryError(f"unknown object {unknown[0]!r}; expected one of {known}")

    def patient(
        self, bones: Sequence[Shape] = (), contents: Sequence[Shape] = ()
    ) -> tuple[Shape, ...]:
        """Return the patient with this face, scaled and turned.

        Parameters
        ----------
        bones, contents : sequence of Shape, default ()
            What covers the default bones, and the default contents of the skull.

        Returns
        -------
        tuple of Shape
            Later shapes cover earlier ones.
        """
        whole = (*self._outer(), *anatomy.patient(bones, contents), *self._inner())
        return moved(whole, size=self.size, turn_deg=self.turn_deg)

    def objects(self) -> tuple[Shape, ...]:
        """Return the objects that touch the head; the patient covers them.

        Returns
        -------
        tuple of Shape
            The objects of `touching`, where they touch a head of this size that is not turned.
        """
        shapes = [shape for name in self.touching for shape in OBJECTS[name](self)]
        return moved(tuple(shapes), size=self.size)

    def masks(self) -> dict[str, frozenset[T]]:
        """Return the tissues of each kind of object that touches the head.

        Returns
        -------
        dict of str to frozenset of Tissue
            'pad', 'board', 'strap' and 'sheet' (drapes and ear pads too), if they are there.
        """
        found = {shape.tissue for shape in self.objects()}
        return {name: group for name, group in TOUCHING.items() if group & found}

    def _outer(self) -> Sequence[Shape]:
        """Nose and ears, which the skin of the head covers where they join it."""
        return [*self._nose(T.SKIN, 0.0), *self._nose(T.CARTILAGE, 2.0), *self._ears()]

    def _nose(self, tissue: T, depth: float) -> Sequence[Shape]:
        """Root and back, tip and wings, smaller by `depth` on all sides."""
        height, width, out = self.nose_mm
        tip = NOSE_BASE_MM + out - 10
        wings = [
            ellipsoid(
                tissue,
                (side * (width / 2 - 8), NOSE_BASE_MM + 5, -62),
                (8 - depth, 14 - depth, 9.5 - depth),
            )
            for side in anatomy.SIDES
        ]
        return [
            ellipsoid(
                tissue,
                (0, NOSE_BASE_MM + out * 0.2, -40),
                (8.5 - depth, out * 0.62 - depth, height * 0.62 - depth),
                (18, 0, 0),
            ),
            ellipsoid(
                tissue,
                (0, NOSE_BASE_MM + 3, -50),
                (width * 0.4 - depth, out * 0.7 - depth, height * 0.45 - depth),
            ),
            ellipsoid(tissue, (0, tip, -59), (9.5 - depth, 10 - depth, 9 - depth)),
            *wings,
        ]

    def _ears(self) -> Sequence[Shape]:
        """A thin plate that leaves the head at its front edge, its rolled rim, lobe and root."""
        length, width, out = self.ear_mm
        spread = float(np.arcsin(min(out / width, 0.99)))
        shapes: list[Shape] = []
        for side in anatomy.SIDES:
            back = -12 - width * np.cos(spread)
            turn = (0.0, 90.0, side * float(np.degrees(spread)))
            center = (side * (EAR_BASE_MM + out / 2), (back - 12) / 2, -30.0)
            radii = (length / 2, width / 2 + 1)
            shapes += [
                tube(T.SKIN, center, (*radii, EAR_THICK_MM / 2), turn),
                tube(T.CARTILAGE, center, (radii[0] - 4, radii[1] - 3, EAR_THICK_MM / 5), turn),
                ellipsoid(
                    T.SKIN,
                    (side * (EAR_BASE_MM + out - 1), back + 1, -26.0),
                    (2.6, 3.4, length * 0.36),
                ),
                ellipsoid(
                    T.SKIN,
                    (side * (EAR_BASE_MM + 7), -18, -24 - length / 2),
                    (3.4, 7, 8),
                    (0, 0, turn[2]),
                ),
                ellipsoid(T.SKIN, (side * EAR_BASE_MM, -16, -34), (10, 9, 17)),
            ]
        return shapes

    def _inner(self) -> Sequence[Shape]:
        """Vestibules of the nose with nostrils, and a frontal sinus behind a thin wall of bone."""
        width, height, depth = self.sinus_mm
        across = self.nose_mm[1] * 0.17
        nostrils = [
            shape
            for side in anatomy.SIDES
            for shape in (
                ellipsoid(
                    T.INNER_AIR,
                    (side * across, NOSE_BASE_MM + self.nose_mm[2] * 0.15, -51),
                    (across - 1.2, self.nose_mm[2] * 0.58, self.nose_mm[0] * 0.4),
                ),
                tube(
                    T.INNER_AIR,
                    (side * (across + 1), NOSE_BASE_MM + 6, -66),
                    (3.6, 4.6, 12),
                    (-30, 0, 0),
                ),
            )
        ]
        bone, air = [], []
        for side in anatomy.SIDES:
            center = np.array((side * (width / 2 + 1), SINUS_FRONT_MM - depth / 2, -6.0))
            radii = (width / 2, depth / 2, height / 2)
            outer = [radius + self.wall_mm for radius in radii]
            back = (center[0], center[1] - self.wall_mm / 2, center[2])
            bone.append(ellipsoid(T.COMPACT_BONE, back, outer, (-8, 0, side * -14)))
            air.append(
                ellipsoid(
                    T.INNER_AIR, (center[0], back[1] - 1, center[2]), radii, (-8, 0, side * -14)
                )
            )
        return [*bone, *air, *nostrils]


EAR_THICK_MM = 4.0
"""Thickness of an ear: cartilage of 1 to 2 mm between two layers of skin."""

EAR_BASE_MM = 70.0
"""Where an ear leaves the head, R or L in mm."""

NOSE_BASE_MM = 92.0
"""Where the nose leaves the face, A in mm."""

SINUS_FRONT_MM = 88.0
"""Foremost point of the frontal sinus with its wall, A in mm; the skin is 4.6 mm before it."""


def _pad(_: Face) -> Sequence[Shape]:
    return [box(T.PAD, (0, -119, 0), (80, 26, 75))]


def _board(_: Face) -> Sequence[Shape]:
    return [box(T.BOARD, (0, -102, 0), (200, 8.5, 600))]


def _strap(_: Face) -> Sequence[Shape]:
    def band(tissue: T, grow: float) -> Shape:
        whole = tube(tissue, (0, 2, 24), (76 + grow, 89 + grow, 13))
        return whole.cut((0, 75, 0), (0, 1, 0), 150)

    runs = [box(T.STRAP, (side * 77, -50, 24), (1, 51, 13)) for side in anatomy.SIDES]
    return [band(T.STRAP, 2.0), band(T.AIR, 0.0), *runs]


def _sheet(_: Face) -> Sequence[Shape]:
    return [box(T.SHEET, (0, 10, 85), (50, 50, 1.45))]


def _drape(face: Face) -> Sequence[Shape]:
    tip = NOSE_BASE_MM + face.nose_mm[2]
    return [box(T.SHEET, (0, tip - 0.2, -59), (70, 1, 80))]


def _ear_pad(face: Face) -> Sequence[Shape]:
    across = EAR_BASE_MM + face.ear_mm[2] + 4.0
    return [
        box(T.SHEET, (side * across, -40, -25), (1.2, 50, 60), (0, side * 10, 0))
        for side in anatomy.SIDES
    ]


OBJECTS: dict[str, Callable[[Face], Sequence[Shape]]] = {
    "pad": _pad,
    "board": _board,
    "strap": _strap,
    "sheet": _sheet,
    "drape": _drape,
    "ear pad": _ear_pad,
}
