"""The left and the right lung: what belongs to which, and where joined lungs are cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hounsfield.kernels.mask import Bits, Spacing, components, erode
from hounsfield.kernels.reach import spread_apart

Vector = NDArray[np.float64]

RADII_MM = (0.0, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0)
"""Radii of the balls that are tried in order until the lungs come apart.

Where the two lungs touch, before the aorta and behind the oesophagus, they are at most 25 mm
thick."""

STRADDLING = 0.2
"""Least fraction on the far side of the midline that tells both lungs: one lung has up to 0.15."""

CORE_SHARE = 0.02
"""Least size of a part of the cores, as a fraction of all of them."""


@dataclass(frozen=True, slots=True, eq=False)
class Sides:
    """The left and the right lung; `is_cut` if no thin place was found and the midline was used."""

    left: Bits
    right: Bits
    is_cut: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Midline:
    """The plane between left and right: `right` @ index (i, j, k) = `at`, in mm."""

    right: Vector
    at: float

    def beyond(self, shape: tuple[int, int, int]) -> Bits:
        """The cells on the right of the plane."""
        i, j, k = (np.arange(size) * step for size, step in zip(shape, self.right, strict=True))
        where = i[:, None, None] + j[None, :, None] + k[None, None, :]
        return Bits.pack(np.asfortranarray(where > self.at))


def split_sides(
    lungs: Bits, thinner: Sequence[Bits], *, midline: Midline, spacing_mm: Spacing
) -> Sides:
    """Split lungs into left and right.

    `thinner` are the lungs without their denser cells, such as the septum between them: with each,
    and with balls of growing radius, the cores of both lungs are sought. Cells between the cores
    belong to the one that reaches them first.
    """
    beyond = midline.beyond(lungs.shape)
    for radius_mm in RADII_MM:
        for cells in (lungs, *thinner):
            cores = _cores(erode(cells, radius_mm, spacing_mm=spacing_mm), beyond)
            if cores is not None:
                return _grown(cores, lungs, beyond, spacing_mm)
    return Sides(lungs - beyond, lungs & beyond, is_cut=True)


def _cores(cells: Bits, beyond: Bits) -> tuple[Bits, Bits] | None:
    """The parts on the left and those on the right; None if one is on both sides or none is."""
    parts = components(cells)
    main = parts.sizes >= CORE_SHARE * parts.sizes.sum()
    is_far = np.zeros(len(main), bool)
    for number in np.flatnonzero(main):
        one = parts.keep(np.arange(len(main)) == number)
        share = (one & beyond).count / one.count
        if STRADDLING < share < 1 - STRADDLING:
            return None
        is_far[number] = share > 0.5
    return (parts.keep(main & ~is_far), parts.keep(main & is_far)) if main.any() else None


def _grown(cores: tuple[Bits, Bits], lungs: Bits, beyond: Bits, spacing_mm: Spacing) -> Sides:
    """Grow the cores through the lungs; what they do not reach is told by the midline."""
    left, right = spread_apart(*cores, within=lungs, spacing_mm=spacing_mm)
    rest = lungs - left - right
    return Sides(left | (rest - beyond), right | (rest & beyond))
