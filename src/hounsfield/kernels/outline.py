"""Segment the patient without table, headrest and tubes, air cavities filled (design/masks.md)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hounsfield.kernels.block_grid import BlockGrid
from hounsfield.kernels.mask import (
    Bits,
    Components,
    Spacing,
    components,
    dilate,
    erode,
    extended,
    filled,
    grown,
    largest,
    occupied,
    opened,
    refined,
    stepped,
    unextended,
)
from hounsfield.kernels.protrusion import DENSE_PART_HU, protrusions
from hounsfield.kernels.reach import cut_far

BULK_MM = 20.0
"""Radius of a ball that passes a cranium, a neck and a face, but no table top under 40 mm."""

BULK_CELL_MM = 2.0
"""Largest cell size for the above: an eighth of a table top."""

BULK_REACH_MM = 70.0
"""Longest way from what such a ball sweeps to the end of a jaw, a nose or an ear.

What is thicker than a sheet and leads further is cut off where its cross-section is smallest: a
table top or a headrest that touches the head."""

FOAM_HU = -200.0
"""Highest HU of foam over `tissue_hu`: fat is -150 to -50 HU, and only the surface of a head, a
voxel thick, is between."""

DENSE_HU = -300.0
"""Tissue that is left out is reported if it is denser: above foam, below fat."""

REPORTED_ML = 1.0
"""Least volume of a connected part that is reported."""

RECESS_MM = (5.0, 5.0, 5.0)
"""Radii of successive balls of a closing within which tissue belongs to the patient.

Septum and turbinates are too thin for the opening and are in a cavity up to 30 mm wide; a headrest
is outside the closing."""

PART_SHARE = 0.02
"""Least volume of a separate component (other thigh, arm), as a fraction of the largest one."""


@dataclass(frozen=True, slots=True, eq=False)
class Outlined:
    """A mask, and what was left out of it.

    `left_out` is the fraction of all tissue outside: table, headrest or unidentified. `cut_ml` are
    the volumes of the parts denser than `DENSE_HU` that touch the mask and were left out, each
    `REPORTED_ML` or more, largest first.
    """

    voxels: Bits
    left_out: float
    cut_ml: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """Parameters of the patient's outline.

    Tissue is `tissue_hu` and above. Components are separated where they are connected only by
    bridges narrower than a ball of radius `bridge_mm`, and must contain a ball of radius `core_mm`.
    Gaps narrower than a ball of radius `closing_mm` are closed. The computation runs on cells of
    `cell_mm`, so narrower gaps are not resolved. `single` keeps only the largest component.
    """

    tissue_hu: float
    bridge_mm: float
    core_mm: float
    closing_mm: float
    cell_mm: float
    single: bool

    def find(self, values: NDArray[Any], *, spacing_mm: Spacing) -> Outlined:
        """Segment `values` (i, j, k) in HU, Fortran-ordered; empty if nothing is thick enough.

        Cells are classified by the majority of their voxels; in cells at the surface each voxel is
        thresholded separately.
        """
        lattice = BlockGrid.of(spacing_mm, cell_mm=self.cell_mm)
        envelope, foreign = self.cells(values, lattice=lattice)
        inner = ~grown(~envelope)
        voxels = refined(
            values,
            block=lattice.block,
            inner=inner,
            band=grown(envelope) - inner - foreign,
            band_bounds=(self.tissue_hu, np.inf),
        )
        whole = filled(largest(voxels) if self.single else _main_parts(components(voxels)))
        share = foreign.count / max(foreign.count + envelope.count, 1)
        return Outlined(whole, share, _cut_ml(values, envelope, lattice))

    def cells(self, values: NDArray[Any], *, lattice: BlockGrid) -> tuple[Bits, Bits]:
        """The patient's cells with holes filled, and the tissue cells outside the patient."""
        tissue = occupied(values, block=lattice.block, bounds=(self.tissue_hu, np.inf))
        if self.single:
            tissue = tissue - self._foam(values, lattice)
        solid = self._solid(tissue, self._dense(values, lattice), lattice)
        if solid.is_empty:
            return solid, tissue
        inside = filled(solid)
        foreign = tissue - inside
        closed = filled(inside | _closed(inside, (self.closing_mm,), spacing_mm=lattice.spacing_mm))
        return closed - foreign, foreign

    def _foam(self, values: NDArray[Any], lattice: BlockGrid) -> Bits:
        """Foam that is thicker than a sheet: cushions that touch the head."""
        foam = occupied(values, block=lattice.block, bounds=(self.tissue_hu, FOAM_HU))
        return opened(foam, self.bridge_mm, spacing_mm=lattice.spacing_mm)

    def _dense(self, values: NDArray[Any], lattice: BlockGrid) -> Bits | None:
        """Cells denser than an ear, to recognize shells of headrests next to a head."""
        if not self.single:
            return None
        return occupied(values, block=lattice.block, bounds=(DENSE_PART_HU, np.inf))

    def _solid(self, tissue: Bits, dense: Bits | None, lattice: BlockGrid) -> Bits:
        """The opened tissue, dilated by a cell, and the small protrusions the opening removed."""
        parts = components(opened(tissue, self.bridge_mm, spacing_mm=lattice.spacing_mm))
        thick = parts.meeting(erode(tissue, self.core_mm, spacing_mm=lattice.spacing_mm))
        sizes = np.where(thick, parts.sizes, 0)
        if not sizes.any():
            return Bits.zeros(tissue.shape)
        chosen = (
            np.arange(len(sizes)) == sizes.argmax()
            if self.single
            else sizes >= PART_SHARE * sizes.max()
        )
        swept, steps = parts.keep(chosen), lattice.spacing_mm
        near = _near(swept, steps) if self.single else swept
        own = tissue - (swept - near)
        trunk = (stepped(near) | _closed(near, RECESS_MM, spacing_mm=steps)) & own
        return trunk | protrusions(tissue, trunk, spacing_mm=steps, dense=dense)


def _near(swept: Bits, spacing_mm: Spacing) -> Bits:
    """The thick part without table tops and headrests that touch it, on cells of `BULK_CELL_MM`."""
    coarse = BlockGrid.of(spacing_mm, cell_mm=BULK_CELL_MM)
    whole = occupied(swept.expand(), block=coarse.block, bounds=(1, 1))
    bulk = opened(whole, BULK_MM, spacing_mm=coarse.spacing_mm)
    if bulk.is_empty:
        return swept
    rest = whole - bulk
    near = cut_far(rest, bulk, reach_mm=BULK_REACH_MM, spacing_mm=coarse.spacing_mm)
    if near.count == rest.count:
        return swept
    return swept - coarse.expanded(stepped(rest - near) - bulk - near, swept.shape)


def _cut_ml(values: NDArray[Any], envelope: Bits, lattice: BlockGrid) -> tuple[float, ...]:
    """Volumes of the dense parts outside the envelope that touch it, largest first."""
    dense = occupied(values, block=lattice.block, bounds=(DENSE_HU, np.inf)) - envelope
    parts = components(dense)
    volumes = parts.sizes[parts.meeting(stepped(envelope))] * lattice.cell_ml
    return tuple(sorted((float(ml) for ml in volumes if ml >= REPORTED_ML), reverse=True))


def _closed(bits: Bits, radius_mm: Sequence[float], *, spacing_mm: Spacing) -> Bits:
    """Close by successive balls of `radius_mm` and fill holes; border planes are repeated."""
    margin = (int(sum(radius_mm) / spacing_mm[1]) + 1, int(sum(radius_mm) / spacing_mm[2]) + 1)
    wide = extended(bits, margin)
    for radius in radius_mm:
        wide = dilate(wide, radius, spacing_mm=spacing_mm)
    wide = filled(wide)
    for radius in radius_mm:
        wide = erode(wide, radius, spacing_mm=spacing_mm)
    return unextended(wide, margin)


def _main_parts(parts: Components) -> Bits:
    return parts.keep(parts.sizes >= PART_SHARE * parts.sizes.max(initial=0))
