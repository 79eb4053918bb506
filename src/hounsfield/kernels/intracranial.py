"""The space inside the skull: enclosed by bone in nearly every direction (design/masks.md)."""

from __future__ import annotations

from dataclasses import dataclass
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
    erode,
    filled,
    grown,
    largest,
    occupied,
    opened,
    rays,
    refined,
    stepped,
)
from hounsfield.kernels.outline import Outline

CELL_MM = 2.0
"""Half the thickness of the temple's bone, mm, and eight voxels of 1 mm: noise of 60 HU does not turn them."""

BONE_SHARE = 0.25
"""A cell counts as bone from this share of its voxels on: the skull of the temple is thinner than a cell."""

MOST_MISSES = 3
"""Of the 26 rays from a point inside a closed skull at most a few leave by the foramen magnum and the orbits; from the
scalp half do, from an eye five to nine."""

FEWEST_HITS = 6
"""Fewer rays that meet bone say nothing: most of the skull is not in the volume."""

DENSE_ML = 0.2
"""What is denser than soft tissue and smaller than this bounds nothing: noise, a calcification, a clip."""

PINHOLE_MM = 2.0
"""Holes in soft tissue that a ball of this radius closes are noise, or vessels and calcifications."""

CANAL_MM = 15.0
"""A ball of this radius does not pass the foramen magnum (28 to 38 mm long, 25 to 35 mm wide)."""

EDGE_STEPS = 2
"""Cells at the skull that the cut of the bridges took off come back so many steps deep, 4 mm, through tissue."""

CORNER_MM = 12.0
"""The corners of the skull's cavity that such a ball does not reach lie within this of where it does."""


@dataclass(frozen=True, slots=True, eq=False)
class Cavity:
    """The mask per voxel, the share of rays from inside it that reach the air without meeting bone, and the borders of
    the volume that it touches, as (axis, 0 for the first plane or 1 for the last)."""

    voxels: Bits
    open_share: float
    cut_faces: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Intracranial:
    """What to take for the inside of the skull: bone from `bone_hu` on; soft where the median of a cell lies from
    `low_hu` to `high_hu`; no voxel over `most_hu`; bridges narrower than a ball of `bridge_mm` (nerves, veins) cut."""

    bone_hu: float
    low_hu: float
    high_hu: float
    most_hu: float
    bridge_mm: float

    def find(self, values: NDArray[Any], *, spacing_mm: Spacing, head: Outline) -> Cavity:
        """The mask of `values` (i, j, k) in HU, Fortran-ordered; empty where no skull encloses anything."""
        lattice = BlockGrid.of(spacing_mm, cell_mm=CELL_MM)
        soft, misses = self._soft(values, head.cells(values, lattice=lattice)[0], lattice)
        cells = self._inside(soft, lattice.spacing_mm)
        inner = ~grown(~cells)
        voxels = refined(
            values,
            block=lattice.block,
            inner=inner,
            band=grown(cells) - inner,
            band_bounds=(self.low_hu, self.most_hu),
            inner_bounds=(-np.inf, self.most_hu),
        )
        dark = occupied(values, block=(1, 1, 1), bounds=(-np.inf, self.most_hu), share=1.0)
        within = cells.expand().astype(bool)
        share = float(misses[within].mean()) / 26 if within.any() else 0.0
        return Cavity(filled(largest(voxels)) & dark, share, _borders_met(within))

    def _soft(
        self, values: NDArray[Any], envelope: Bits, lattice: BlockGrid
    ) -> tuple[Bits, NDArray[np.uint8]]:
        """Soft cells that bone encloses, and from each cell how many rays miss bone."""
        bone = occupied(
            values, block=lattice.block, bounds=(self.bone_hu, np.inf), share=BONE_SHARE
        )
        wall = dilate(bone & envelope, max(lattice.spacing_mm) / 2, spacing_mm=lattice.spacing_mm)
        hits, misses = rays(wall, ~envelope, steps=_directions(lattice.spacing_mm))
        parts = components(
            occupied(values, block=lattice.block, bounds=(self.high_hu, np.inf)) | bone
        )
        dense = parts.keep(parts.sizes * lattice.cell_ml >= DENSE_ML)
        soft = occupied(values, block=lattice.block, bounds=(self.low_hu, np.inf)) - dense
        soft = (_healed(soft, lattice.spacing_mm) & envelope) - dense
        return soft & Bits.pack((misses <= MOST_MISSES) & (hits >= FEWEST_HITS)), misses

    def _inside(self, soft: Bits, spacing_mm: Spacing) -> Bits:
        """The largest soft part, bridges cut, and the canal of the cord left off."""
        part = filled(largest(opened(soft, self.bridge_mm, spacing_mm=spacing_mm)))
        trunk = largest(opened(part, CANAL_MM, spacing_mm=spacing_mm))
        part = largest(part & dilate(trunk, CORNER_MM, spacing_mm=spacing_mm))
        for _ in range(EDGE_STEPS):
            part = part | (stepped(part) & soft)
        return filled(part)


def _healed(soft: Bits, spacing_mm: Spacing) -> Bits:
    """Without the pinholes of noise."""
    return erode(dilate(soft, PINHOLE_MM, spacing_mm=spacing_mm), PINHOLE_MM, spacing_mm=spacing_mm)


def _borders_met(mask: NDArray[np.bool_]) -> tuple[tuple[int, int], ...]:
    return tuple(
        (axis, side) for axis in range(3) for side in (0, 1) if mask.take(-side, axis=axis).any()
    )


def _directions(spacing_mm: Spacing) -> NDArray[np.int32]:
    """The 26 ways to the faces, edges and corners of a cube, in whole steps, about equally long along each axis."""
    steps = []
    for signs in product((-1, 0, 1), repeat=3):
        base = max(
            (step for sign, step in zip(signs, spacing_mm, strict=True) if sign), default=0.0
        )
        if base:
            steps.append(
                [sign * round(base / step) for sign, step in zip(signs, spacing_mm, strict=True)]
            )
    return np.array(steps, dtype=np.int32)
