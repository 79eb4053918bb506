"""The lattice of cells on which a mask's shape is decided: blocks of voxels of about one size in mm."""

from __future__ import annotations

from dataclasses import dataclass

from hounsfield.kernels.mask import Shape, Spacing


@dataclass(frozen=True, slots=True)
class BlockGrid:
    """Cells of `block` voxels, `spacing_mm` unshared, in which noise of single voxels is outvoted."""

    block: Shape
    spacing_mm: Spacing

    @classmethod
    def of(cls, spacing_mm: Spacing, *, cell_mm: float) -> BlockGrid:
        """The lattice for voxels of `spacing_mm`; cells are no larger than `cell_mm` where voxels are not.

        >>> BlockGrid.of((0.5, 0.5, 5.0), cell_mm=1.5).block
        (3, 3, 1)
        """
        i, j, k = (max(1, int(cell_mm / step + 1e-6)) for step in spacing_mm)
        return cls((i, j, k), (i * spacing_mm[0], j * spacing_mm[1], k * spacing_mm[2]))

    @property
    def cell_ml(self) -> float:
        """The volume of a cell, mL."""
        return self.spacing_mm[0] * self.spacing_mm[1] * self.spacing_mm[2] / 1000
