"""A coarse grid of cells, blocks of voxels of similar size in mm, on which masks are computed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hounsfield.kernels.mask import Bits, Shape, Spacing, refined


@dataclass(frozen=True, slots=True)
class BlockGrid:
    """Cells of `block` voxels at `spacing_mm`; a majority per cell suppresses voxel noise."""

    block: Shape
    spacing_mm: Spacing

    @classmethod
    def of(cls, spacing_mm: Spacing, *, cell_mm: float) -> BlockGrid:
        """Return the grid whose cells are at most `cell_mm`, and at least one voxel, per axis.

        >>> BlockGrid.of((0.5, 0.5, 5.0), cell_mm=1.5).block
        (3, 3, 1)
        """
        i, j, k = (max(1, int(cell_mm / step + 1e-6)) for step in spacing_mm)
        return cls((i, j, k), (i * spacing_mm[0], j * spacing_mm[1], k * spacing_mm[2]))

    def expanded(self, cells: Bits, shape: Shape) -> Bits:
        """Return the voxels of the cells, of a volume of `shape`."""
        every = np.broadcast_to(np.uint8(0), shape)
        none = Bits.zeros(cells.shape)
        return refined(every, block=self.block, inner=cells, band=none, band_bounds=(1, 0))

    @property
    def cell_ml(self) -> float:
        """Volume of a cell in mL."""
        return self.spacing_mm[0] * self.spacing_mm[1] * self.spacing_mm[2] / 1000
