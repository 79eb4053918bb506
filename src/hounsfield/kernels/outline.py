"""The outline of a patient: tissue without table, headrest and tubes, air cavities inside (design/masks.md)."""

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
"""What opening takes off and is no larger than this is part of the patient: an ear is 5 to 8 mL, a nose 10."""

TIP_MM = 60.0
"""... and no longer than this: an ear is up to 70 mm along itself at most, 60 of which stand off; headrests, straps and
cables are longer."""

RECESS_MM = (5.0, 5.0, 5.0)
"""Tissue in recesses of the trunk that a ball of these radii together closes is the patient's: septum and turbinates
are too thin to be swept, and stand in a cavity up to 30 mm wide; a headrest lies outside."""

PART_SHARE = 0.02
"""A separate part of a body (the other thigh, an arm) has at least this share of the largest part's volume."""


@dataclass(frozen=True, slots=True, eq=False)
class Outlined:
    """The mask per voxel, and the share of all tissue that was left out: table, headrest, or what was not known."""

    voxels: Bits
    left_out: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """What to take for the patient: `tissue_hu` and above; held together by bridges wider than a ball of `bridge_mm`;
    thicker somewhere than a ball of `core_mm`; openings narrower than a ball of `closing_mm` close; decided on cells of
    `cell_mm`, which sees no narrower gaps; one part or more.
    """

    tissue_hu: float
    bridge_mm: float
    core_mm: float
    closing_mm: float
    cell_mm: float
    single: bool

    def find(self, values: NDArray[Any], *, spacing_mm: Spacing) -> Outlined:
        """The mask of `values` (i, j, k) in HU, Fortran-ordered, per voxel; empty where nothing is thick enough.

        Which cells belong is decided on their majority; within a cell of the surface each voxel is
        judged by itself.
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
        """The patient's cells, holes filled, and the cells of tissue that are not the patient's."""
        tissue = occupied(values, block=lattice.block, bounds=(self.tissue_hu, np.inf))
        solid = self._solid(tissue, lattice)
        if solid.is_empty:
            return solid, tissue
        inside = filled(solid)
        foreign = tissue - inside
        closed = filled(inside | _closed(inside, (self.closing_mm,), spacing_mm=lattice.spacing_mm))
        return closed - foreign, foreign

    def _solid(self, tissue: Bits, lattice: BlockGrid) -> Bits:
        """The trunk that a ball can sweep, one cell around it, and the tips that the ball could not reach."""
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
        return trunk | rest.keep(rest.meeting(stepped(trunk)) & _is_tip(rest, lattice))


def _closed(bits: Bits, radius_mm: Sequence[float], *, spacing_mm: Spacing) -> Bits:
    """Closed by a ball swept by balls of `radius_mm` one after the other, what lies enclosed filled; all as if the
    volume's border planes went on outwards."""
    margin = (int(sum(radius_mm) / spacing_mm[1]) + 1, int(sum(radius_mm) / spacing_mm[2]) + 1)
    wide = extended(bits, margin)
    for radius in radius_mm:
        wide = dilate(wide, radius, spacing_mm=spacing_mm)
    wide = filled(wide)
    for radius in radius_mm:
        wide = erode(wide, radius, spacing_mm=spacing_mm)
    return unextended(wide, margin)


def _is_tip(parts: Components, lattice: BlockGrid) -> NDArray[np.bool_]:
    lengths = (parts.boxes[:, 1::2] - parts.boxes[:, ::2] + 1) * np.array(lattice.spacing_mm)
    return np.asarray(
        (parts.sizes * lattice.cell_ml <= TIP_ML) & (np.linalg.norm(lengths, axis=1) <= TIP_MM)
    )


def _main_parts(parts: Components) -> Bits:
    return parts.keep(parts.sizes >= PART_SHARE * parts.sizes.max(initial=0))
