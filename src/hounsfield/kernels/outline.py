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

TIP_ML = 15.0
"""Largest component removed by the opening that is restored: an ear has 5 to 8 mL, a nose 10 mL."""

TIP_MM = 60.0
"""Greatest length of such a component.

An ear is up to 70 mm long, of which 60 mm protrude; headrests, straps and cables are longer."""

RECESS_MM = (5.0, 5.0, 5.0)
"""Radii of successive balls of a closing within which tissue belongs to the patient.

Septum and turbinates are too thin for the opening and are in a cavity up to 30 mm wide; a headrest
is outside the closing."""

PART_SHARE = 0.02
"""Least volume of a separate component (other thigh, arm), as a fraction of the largest one."""


@dataclass(frozen=True, slots=True, eq=False)
class Outlined:
    """A mask, and the fraction of all tissue excluded from it: table, headrest or unidentified."""

    voxels: Bits
    left_out: float


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
        return Outlined(whole, foreign.count / max(foreign.count + envelope.count, 1))

    def cells(self, values: NDArray[Any], *, lattice: BlockGrid) -> tuple[Bits, Bits]:
        """The patient's cells with holes filled, and the tissue cells outside the patient."""
        tissue = occupied(values, block=lattice.block, bounds=(self.tissue_hu, np.inf))
        solid = self._solid(tissue, lattice)
        if solid.is_empty:
            return solid, tissue
        inside = filled(solid)
        foreign = tissue - inside
        closed = filled(inside | _closed(inside, (self.closing_mm,), spacing_mm=lattice.spacing_mm))
        return closed - foreign, foreign

    def _solid(self, tissue: Bits, lattice: BlockGrid) -> Bits:
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
        swept = parts.keep(chosen)
        trunk = (stepped(swept) | _closed(swept, RECESS_MM, spacing_mm=lattice.spacing_mm)) & tissue
        rest = components(tissue - trunk)
        return trunk | rest.keep(rest.meeting(stepped(trunk)) & _is_protrusion(rest, lattice))


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


def _is_protrusion(parts: Components, lattice: BlockGrid) -> NDArray[np.bool_]:
    lengths = (parts.boxes[:, 1::2] - parts.boxes[:, ::2] + 1) * np.array(lattice.spacing_mm)
    return np.asarray(
        (parts.sizes * lattice.cell_ml <= TIP_ML) & (np.linalg.norm(lengths, axis=1) <= TIP_MM)
    )


def _main_parts(parts: Components) -> Bits:
    return parts.keep(parts.sizes >= PART_SHARE * parts.sizes.max(initial=0))
