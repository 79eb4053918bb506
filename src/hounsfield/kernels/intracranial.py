"""Segment the intracranial space, enclosed by bone in nearly every direction (design/masks.md)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hounsfield.kernels.block_grid import BlockGrid
from hounsfield.kernels.cavity import Cavity, Missing, measured
from hounsfield.kernels.mask import (
    Bits,
    Shape,
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
)
from hounsfield.kernels.openings import find_openings
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
"""Steps of `CELL_MM` by which cells removed by the opening are regrown in soft tissue at the skull.

Slices thicker than a step are not crossed: one step of 7 mm is the roof of an orbit and the first
vertebra."""

BAND_MM = 3.5
"""Width of the band around the cells whose voxels are thresholded: the diagonal of a cell.

It grows with the cells where all axes of the voxels are longer than `CELL_MM`.

A neighbouring slice further away is not in it; its voxels are mixtures of brain and thin bone."""

CORNER_MM = 12.0
"""Distance from the opening with `CANAL_MM` within which the corners of the cavity are kept."""


WEAK_BONE_HU = 150.0
"""Lowest HU, of the median over a cell, of bone thinner than a slice, for the closing of openings.

The roof of an orbit of 1 mm in a slice of 5 mm is at 200 HU; clotted blood is below 100."""

BONE_ML = 2.0
"""Smallest component of bone that is skull, for the closing of openings.

Calcifications and clips are smaller."""

ENCLOSED_ML = 100.0
"""Least volume that bone encloses in a skull; sinuses and marrow are smaller."""

CUT_MM2 = 1500.0
"""Least area in which the skull's inside meets a face of the volume that cuts the skull.

The spinal canal and the foramen magnum have up to 1,000 mm2."""


@dataclass(frozen=True, slots=True, eq=False)
class _Scene:
    """The cells of a scan: the head, its bone, its soft tissue, and the bone as rays meet it."""

    lattice: BlockGrid
    envelope: Bits
    bone: Bits
    soft: Bits
    wall: Bits

    def enclosed(self, wall: Bits) -> tuple[Bits, Bits]:
        """The cells that a wall encloses, and the cells from which too many rays leave."""
        hits, misses = rays(wall, ~self.envelope, steps=_directions(self.lattice.spacing_mm))
        leaving = misses > MOST_MISSES
        return Bits.pack(~leaving & (hits >= FEWEST_HITS)) & self.envelope, Bits.pack(leaving)


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
        scene = self._scene(values, head.cells(values, lattice=lattice)[0], lattice)
        inside, leaving = scene.enclosed(scene.wall)
        soft = scene.soft & inside
        seed = largest(opened(soft, self.bridge_mm, spacing_mm=lattice.spacing_mm))
        if seed.is_empty:
            return _empty(values, scene, inside - scene.bone)
        return self._found(values, scene, seed, leaving)

    def _found(self, values: NDArray[Any], scene: _Scene, seed: Bits, leaving: Bits) -> Cavity:
        """The cavity around `seed`, with the openings of its skull closed."""
        lattice, envelope = scene.lattice, scene.envelope
        openings = find_openings(
            self._barrier(values, scene),
            ~envelope,
            seed=seed,
            spacing_mm=lattice.spacing_mm,
            cut_faces=_cut_faces(seed, lattice.spacing_mm),
        )
        beyond = openings.beyond(envelope, lattice.spacing_mm)
        inside = scene.enclosed(scene.wall | beyond)[0]
        cells = self._inside((scene.soft & inside) - beyond, lattice.spacing_mm)
        voxels = self._voxels(values, cells, beyond, lattice)
        return Cavity(
            voxels=voxels,
            measures=measured(
                cells, values, lattice=lattice, envelope=envelope, sighted=openings.sighted
            ),
            openings=openings.measured(cells & leaving, lattice.spacing_mm),
            cut_faces=_touched_faces(cells.expand().astype(bool)),
            missing="width" if voxels.is_empty else "",
        )

    def _scene(self, values: NDArray[Any], envelope: Bits, lattice: BlockGrid) -> _Scene:
        """The cells of bone and of soft tissue."""
        bone = occupied(
            values, block=lattice.block, bounds=(self.bone_hu, np.inf), share=BONE_SHARE
        )
        wall = dilate(bone & envelope, max(lattice.spacing_mm) / 2, spacing_mm=lattice.spacing_mm)
        parts = components(
            occupied(values, block=lattice.block, bounds=(self.high_hu, np.inf)) | bone
        )
        dense = parts.keep(parts.sizes * lattice.cell_ml >= DENSE_ML)
        soft = occupied(values, block=lattice.block, bounds=(self.low_hu, np.inf)) - dense
        soft = (_closed(soft, lattice.spacing_mm) & envelope) - dense
        return _Scene(lattice, envelope, bone & envelope, soft, wall)

    def _barrier(self, values: NDArray[Any], scene: _Scene) -> Bits:
        """What closes the skull: its bone, and bone thinner than a slice."""
        block, spacing_mm = scene.lattice.block, scene.lattice.spacing_mm
        weak = occupied(values, block=block, bounds=(min(WEAK_BONE_HU, self.bone_hu), np.inf))
        parts = components((scene.bone | weak) & scene.envelope)
        skull = parts.keep(parts.sizes * scene.lattice.cell_ml >= BONE_ML)
        return dilate(skull, CELL_MM / 2, spacing_mm=spacing_mm)

    def _inside(self, soft: Bits, spacing_mm: Spacing) -> Bits:
        """The largest soft component, without narrow bridges and without the spinal canal."""
        part = filled(largest(opened(soft, self.bridge_mm, spacing_mm=spacing_mm)))
        trunk = largest(opened(part, CANAL_MM, spacing_mm=spacing_mm))
        part = largest(part & dilate(trunk, CORNER_MM, spacing_mm=spacing_mm))
        for _ in range(EDGE_STEPS):
            part = part | (dilate(part, CELL_MM, spacing_mm=spacing_mm) & soft)
        return filled(part)

    def _voxels(self, values: NDArray[Any], cells: Bits, beyond: Bits, lattice: BlockGrid) -> Bits:
        """The voxels of the cells, thresholded one by one at the surface."""
        inner = ~grown(~cells)
        band_mm = BAND_MM * _coarser(lattice)
        near = grown(cells) & dilate(cells, band_mm, spacing_mm=lattice.spacing_mm)
        voxels = refined(
            values,
            block=lattice.block,
            inner=inner,
            band=near - inner - beyond,
            band_bounds=(self.low_hu, self.most_hu),
            inner_bounds=(-np.inf, self.most_hu),
        )
        dark = occupied(values, block=(1, 1, 1), bounds=(-np.inf, self.most_hu), share=1.0)
        return filled(largest(voxels)) & dark


def _empty(values: NDArray[Any], scene: _Scene, inside: Bits) -> Cavity:
    """The cavity of a scan in which no soft tissue is enclosed, with what it lacks."""
    measures = measured(inside, values, lattice=scene.lattice, envelope=scene.envelope)
    missing: Missing = "width"
    if scene.envelope.is_empty:
        missing = "head"
    elif scene.bone.is_empty:
        missing = "bone"
    elif scene.soft.is_empty:
        missing = "soft"
    elif measures.volume_ml < ENCLOSED_ML:
        missing = "enclosure"
    elif (scene.soft & inside).count < inside.count / 2:
        missing = "range"
    return Cavity(voxels=Bits.zeros(_shape(values)), measures=measures, missing=missing)


def _cut_faces(seed: Bits, spacing_mm: Spacing) -> NDArray[np.bool_]:
    """The faces of the volume, (axis, first or last), at which the skull's inside is cut."""
    inside, cell_mm2 = seed.expand(), float(np.prod(spacing_mm)) / np.array(spacing_mm)
    areas = [[inside.take(-side, axis).sum() for side in (0, 1)] for axis in range(3)]
    return np.asarray(np.array(areas) * cell_mm2[:, None] >= CUT_MM2)


def _shape(values: NDArray[Any]) -> Shape:
    i, j, k = (int(size) for size in values.shape)
    return (i, j, k)


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


def _coarser(lattice: BlockGrid) -> float:
    """How many times longer than `CELL_MM` the voxels are along their shortest axis; at least 1."""
    voxels = (step / block for step, block in zip(lattice.spacing_mm, lattice.block, strict=True))
    return max(1.0, min(voxels) / CELL_MM)
