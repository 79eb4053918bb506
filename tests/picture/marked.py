"""A phantom with a marker in one octant, in any of the 48 orientations, made with nibabel alone."""

from __future__ import annotations

from itertools import permutations, product

import nibabel
import numpy as np
from nibabel.orientations import axcodes2ornt, inv_ornt_aff, ornt_transform

from hounsfield.core.volume import Volume

SHAPE = (20, 16, 12)
AFFINE = np.array([[1.0, 0, 0, -9], [0, 1.5, 0, 20], [0, 0, 3.0, -50], [0, 0, 0, 1]])
TISSUE, MARKER = 40, 900

CODES = [
    "".join(letters) for order in permutations(("RL", "AP", "SI")) for letters in product(*order)
]


def marked(
    *, right: bool = True, anterior: bool = True, superior: bool = True
) -> nibabel.Nifti1Image:
    """A block of 40 HU, axes R, A, S ascending, with 4 x 4 x 4 voxels of 900 HU in one octant."""
    values = np.full(SHAPE, TISSUE, dtype=np.int16)
    start = [
        size * (3 if high else 1) // 4 - 2
        for size, high in zip(SHAPE, (right, anterior, superior), strict=True)
    ]
    values[start[0] : start[0] + 4, start[1] : start[1] + 4, start[2] : start[2] + 4] = MARKER
    return nibabel.Nifti1Image(values, AFFINE)


def turned(image: nibabel.Nifti1Image, codes: str) -> Volume:
    """The same image stored with its axes ascending towards `codes`."""
    turn = ornt_transform(axcodes2ornt("RAS"), axcodes2ornt(codes))
    values = nibabel.orientations.apply_orientation(np.asanyarray(image.dataobj), turn)
    return Volume.from_array(values, affine=image.affine @ inv_ornt_aff(turn, image.shape))


def middle_fraction(*, right: bool, anterior: bool, superior: bool) -> tuple[float, float, float]:
    """The middle of the marker as a fraction of the field of view."""
    r, a, s = (0.75 if high else 0.25 for high in (right, anterior, superior))
    return r, a, s
