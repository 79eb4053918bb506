"""Close lungs over vessels and over nodules at the pleura."""

from __future__ import annotations

import numpy as np

from hounsfield.kernels.mask import (
    Bits,
    Shape,
    Spacing,
    bounding_box,
    components,
    dilate,
    erode,
    extended,
    filled,
    opened,
    stepped,
    unextended,
)

NODULE_ML = 15.0
"""Largest nodule: a ball of 30 mm is 14 mL, and what is larger is a mass."""

NODULE_CONTACT = 0.55
"""Least fraction of the surface of a nodule that borders on lung.

Balls at the pleura have 0.7 and more, bays between heart, aorta and diaphragm 0.5 and less."""

STALK_MM = 2.0
"""Radius of what joins a nodule to vessels and to other tissue at the surface."""

LEAST_ML = 0.03
"""Smallest nodule whose base is closed: a ball of 4 mm, which the first closing closes."""

WIDER = 3
"""Radius of the second closing in those of the first: as successive balls."""

RIM_MM = 2.0
"""How far beyond a closed nodule its base is in the mask: a ball dents it by 1 to 2 mm."""

THIN_MM = 4.0
"""Thickest slice of which the base extends into the next one."""

HOLE_MM = 15.0
"""Radius of a ball that no hole contains that the volume's border cuts, such as a nodule.

The dome of the diaphragm, which lung surrounds in a slice, contains one."""


def closed_over(lung: Bits, radius_mm: float, *, spacing_mm: Spacing) -> Bits:
    """Close a lung by a ball, its holes, and nodules at its surface by a ball of `WIDER` radii.

    A ball of the width of a nodule enters its base; a larger one does not, but it closes the bays
    of the mediastinum too. So only what is small and borders mostly on lung is closed by that.
    """
    box = _box(lung)
    part = _cropped(lung, box)
    margin = _margin(WIDER * radius_mm, spacing_mm)
    wide = extended(part, margin)
    balls = []
    for _ in range(WIDER):
        wide = dilate(wide, radius_mm, spacing_mm=spacing_mm)
        balls.append(wide)
    for _ in range(WIDER):
        wide = erode(wide, radius_mm, spacing_mm=spacing_mm)
    near = unextended(erode(balls[0], radius_mm, spacing_mm=spacing_mm), margin)
    whole = near | nodules(part, near, unextended(wide, margin), spacing_mm=spacing_mm)
    return _uncropped(holes_filled(whole, spacing_mm=spacing_mm), box, lung.shape)


def closed(bits: Bits, radius_mm: float, *, spacing_mm: Spacing) -> Bits:
    """Close by a ball; border planes are repeated, so that a cut object is closed as if whole."""
    margin = _margin(radius_mm, spacing_mm)
    wide = dilate(extended(bits, margin), radius_mm, spacing_mm=spacing_mm)
    return unextended(erode(wide, radius_mm, spacing_mm=spacing_mm), margin)


def smoothed(bits: Bits, radius_mm: float, *, spacing_mm: Spacing) -> Bits:
    """Close pits by a ball, and fill holes."""
    box = _box(bits)
    near = closed(_cropped(bits, box), radius_mm, spacing_mm=spacing_mm)
    return _uncropped(holes_filled(near, spacing_mm=spacing_mm), box, bits.shape)


def nodules(lung: Bits, near: Bits, wide: Bits, *, spacing_mm: Spacing) -> Bits:
    """The parts of `wide` that are not in `near`, small, and mostly surrounded by lung."""
    added = wide - lung
    parts = components(opened(added, STALK_MM, spacing_mm=spacing_mm))
    volumes = parts.sizes * float(np.prod(spacing_mm)) / 1000
    chosen = (volumes <= NODULE_ML) & (volumes >= LEAST_ML) & parts.meeting(wide - near)
    for number in np.flatnonzero(chosen):
        one = parts.keep(np.arange(len(parts.sizes)) == number)
        shell = stepped(one) - one
        chosen[number] = (shell & lung).count >= NODULE_CONTACT * shell.count
    rim_mm = max(RIM_MM, *(step for step in spacing_mm if step <= THIN_MM), min(spacing_mm))
    return dilate(parts.keep(chosen), rim_mm, spacing_mm=spacing_mm)


def holes_filled(bits: Bits, *, spacing_mm: Spacing) -> Bits:
    """Fill holes, except wide ones that the border of the volume cuts."""
    holes = components(filled(bits) - bits)
    last = np.repeat(bits.shape, 2) - 1
    is_cut = (holes.boxes[:, ::2] == 0).any(axis=1) | (holes.boxes[:, 1::2] == last[1::2]).any(
        axis=1
    )
    cut = holes.keep(is_cut)
    wide = holes.meeting(erode(cut, HOLE_MM, spacing_mm=spacing_mm))
    return bits | holes.keep(~(is_cut & wide))


def _margin(radius_mm: float, spacing_mm: Spacing) -> tuple[int, int]:
    return (int(radius_mm / spacing_mm[1]) + 2, int(radius_mm / spacing_mm[2]) + 2)


Box = tuple[slice, slice, slice]


def _box(bits: Bits) -> Box:
    """The box of a mask and one voxel around it, within the volume."""
    found = bounding_box(bits.expand())
    if found is None:
        return (slice(0, 1), slice(0, 1), slice(0, 1))
    i, j, k = (
        slice(max(first - 1, 0), min(first + count + 1, size))
        for first, count, size in zip(*found, bits.shape, strict=True)
    )
    return (i, j, k)


def _cropped(bits: Bits, box: Box) -> Bits:
    return Bits.pack(bits.expand()[box])


def _uncropped(part: Bits, box: Box, shape: Shape) -> Bits:
    whole = np.zeros(shape, np.uint8, order="F")
    whole[box] = part.expand()
    return Bits.pack(whole)
