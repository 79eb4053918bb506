"""Segment the intracranial space, enclosed by bone in nearly every direction (design/masks.md)."""

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
"""Cell size: half the thickness of the temporal bone, and eight voxels of 1 mm.

Noise of 60 HU does not change the majority of such a cell."""

BONE_SHARE = 0.25
"""Least fraction of bone voxels in a bone cell; the temporal bone is thinner than a cell."""

MOST_MISSES = 3
"""Most of the 26 rays of an intracranial cell that may miss bone.

Inside a closed skull a few rays leave through the foramen magnum and the orbits; from an eye five
to nine do, from the scalp half."""

FEWEST_HITS = 6
"""Least number of rays that must hit bone; with fewer, most of the skull is outside the volume."""

DENSE_ML = 0.2
"""Dense components below this volume are no boundary: noise, calcifications, clips."""

PINHOLE_MM = 2.0
"""Radius of the closing of soft tissue; smaller holes are noise, vessels or calcifications."""

CANAL_MM = 15.0
"""Radius of an opening that does not pass the foramen magnum (28 to 38 mm by 25 to 35 mm)."""

EDGE_STEPS = 2
"""Steps of 2 mm by which cells removed by the opening are regrown in soft tissue at the skull."""

CORNER_MM = 12.0
"""Distance from the opening with `CANAL_MM` within which the corners of the cavity are kept."""


@dataclass(frozen=True, slots=True, eq=False)
class Cavity:
    """An intracranial mask.

    `voxels` is the mask; `open_share` is the fraction of rays from inside it that reach the air
    without hitting bone; `cut_faces` are the faces of the volume that it touches, as (axis, 0 for
    the first plane or 1 for the last).
    """

    voxels: Bits
    open_share: float
    cut_faces: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Intracranial:
    """Thresholds of the intracranial space.

    Bone is `bone_hu` and above; a cell is soft tissue if its median is from `low_hu` to `high_hu`;
    voxels above `most_hu` are excluded; bridges narrower than a ball of radius `bridge_mm` (nerves,
    veins) are removed.
    """

    bone_hu: float
    low_hu: float
    high_hu: float
    most_hu: float
    bridge_mm: float

    def find(self, values: NDArray[Any], *, spacing_mm: Spacing, head: Outline) -> Cavity:
        """Segment `values` (i, j, k) in HU, Fortran-ordered; empty if no skull encloses a cell."""
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
        return Cavity(filled(largest(voxels)) & dark, share, _touched_faces(within))

    def _soft(
        self, values: NDArray[Any], envelope: Bits, lattice: BlockGrid
    ) -> tuple[Bits, NDArray[np.uint8]]:
        """Soft cells enclosed by bone, and the number of rays of each cell that miss bone."""
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
        soft = (_closed(soft, lattice.spacing_mm) & envelope) - dense
        return soft & Bits.pack((misses <= MOST_MISSES) & (hits >= FEWEST_HITS)), misses

    def _inside(self, soft: Bits, spacing_mm: Spacing) -> Bits:
        """The largest soft component, without narrow bridges and without the spinal canal."""
        part = filled(largest(opened(soft, self.bridge_mm, spacing_mm=spacing_mm)))
        trunk = largest(opened(part, CANAL_MM, spacing_mm=spacing_mm))
        part = largest(part & dilate(trunk, CORNER_MM, spacing_mm=spacing_mm))
        for _ in range(EDGE_STEPS):
            part = part | (stepped(part) & soft)
        return filled(part)


def _closed(soft: Bits, spacing_mm: Spacing) -> Bits:
    """Close holes of noise."""
    return erode(dilate(soft, PINHOLE_MM, spacing_mm=spacing_mm), PINHOLE_MM, spacing_mm=spacing_mm)


def _touched_faces(mask: NDArray[np.bool_]) -> tuple[tuple[int, int], ...]:
    return tuple(
        (axis, side) for axis in range(3) for side in (0, 1) if mask.take(-side, axis=axis).any()
    )


def _directions(spacing_mm: Spacing) -> NDArray[np.int32]:
    """The 26 directions to the neighbours, as steps in voxels of similar length in mm per axis."""
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
