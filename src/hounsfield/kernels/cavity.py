"""The inside of a skull as it was found: its mask, its openings and its measures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hounsfield.kernels.block_grid import BlockGrid
from hounsfield.kernels.mask import Bits, occupied
from hounsfield.kernels.openings import Opening

Missing = Literal["", "head", "bone", "soft", "enclosure", "range", "width"]
"""What an empty mask lacks first: a head, bone, soft tissue, an enclosure, soft tissue within it,
or the width that `bridge_mm` asks for; empty where a mask was found."""

AIR_HU = -400.0
"""Highest HU of air, midway between air and skin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """Measures of a mask, or of what bone encloses where the mask is empty.

    `volume_ml` and `extent_mm` (along i, j, k) are of its cells, `median_hu` the median of their
    values; `share` is its volume as a fraction of the head's; `air` is the fraction of the volume
    that is air; `sighted` is the fraction of all directions in which bone was met.
    """

    volume_ml: float = 0.0
    extent_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    median_hu: float = 0.0
    share: float = 0.0
    air: float = 1.0
    sighted: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cavity:
    """An intracranial mask.

    `openings` are those of the skull, closed by a surface from rim to rim; `cut_faces` are the
    faces of the volume that the mask touches, as (axis, 0 for the first plane or 1 for the last);
    `missing` says what an empty mask lacks.
    """

    voxels: Bits
    measures: Measures
    openings: tuple[Opening, ...] = ()
    cut_faces: tuple[tuple[int, int], ...] = ()
    missing: Missing = ""


def measured(
    cells: Bits, values: NDArray[Any], *, lattice: BlockGrid, envelope: Bits, sighted: float = 1.0
) -> Measures:
    """Measure cells of `values` (i, j, k) in HU."""
    air = occupied(values, block=lattice.block, bounds=(-np.inf, AIR_HU)).count
    index = np.argwhere(cells.expand())
    whole = float(np.prod(cells.shape))
    if not len(index):
        return Measures(air=air / whole, sighted=sighted)
    block = np.array(lattice.block)
    middle = np.minimum(index * block + block // 2, np.array(values.shape) - 1)
    i, j, k = (np.ptp(index, axis=0) + 1) * np.array(lattice.spacing_mm)
    return Measures(
        volume_ml=len(index) * lattice.cell_ml,
        extent_mm=(float(i), float(j), float(k)),
        median_hu=float(np.median(values[tuple(middle.T)])),
        share=len(index) / max(envelope.count, 1),
        air=air / whole,
        sighted=sighted,
    )
