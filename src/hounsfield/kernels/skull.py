"""Regions that bone encloses in nearly every direction: the inside of a skull (design/masks.md)."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hounsfield.kernels.block_grid import BlockGrid
from hounsfield.kernels.mask import (
    Bits,
    Spacing,
    components,
    dilate,
    filled,
    occupied,
    opened,
    rays,
)

CELL_MM = 3.0
"""Cell size: a third of the thickness of a skull with its scalp."""

BONE_HU = 250.0
"""Lowest HU of bone."""

BONE_SHARE = 0.25
"""Least fraction of bone voxels in a bone cell; the temporal bone is thinner than a cell."""

MOST_MISSES = 3
"""Most of the 26 rays of an enclosed cell that may leave the tissue without hitting bone."""

FEWEST_HITS = 8
"""Least number of rays that must hit bone: those within one slice."""

THICK_MM = 9.0
"""Radius of a ball that the enclosed region must contain: no canal of a long bone or spine does."""


def enclosed_ml(
    values: NDArray[Any], *, spacing_mm: Spacing, tissue_hu: float
) -> tuple[float, ...]:
    """Return the volumes that bone encloses in `values` (i, j, k) in HU, largest first, in mL."""
    lattice = BlockGrid.of(spacing_mm, cell_mm=CELL_MM)
    steps = lattice.spacing_mm
    tissue = occupied(values, block=lattice.block, bounds=(tissue_hu, np.inf))
    bone = occupied(values, block=lattice.block, bounds=(BONE_HU, np.inf), share=BONE_SHARE)
    hits, misses = rays(
        dilate(bone, max(steps) / 2, spacing_mm=steps), ~filled(tissue), steps=_ways(steps)
    )
    inside = Bits.pack((misses <= MOST_MISSES) & (hits >= FEWEST_HITS)) & tissue
    parts = components(opened(inside - bone, THICK_MM, spacing_mm=steps))
    return tuple(sorted((float(size) * lattice.cell_ml for size in parts.sizes), reverse=True))


def _ways(spacing_mm: Spacing) -> NDArray[np.int32]:
    """Steps in cells to the 26 neighbours, of similar length in mm along each axis."""
    ways = []
    for signs in product((-1, 0, 1), repeat=3):
        longest = max((mm for sign, mm in zip(signs, spacing_mm, strict=True) if sign), default=0.0)
        if longest:
            ways.append([s * round(longest / mm) for s, mm in zip(signs, spacing_mm, strict=True)])
    return np.array(ways, np.int32)
