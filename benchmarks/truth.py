"""Pieces of the phantom's head as scanners would give them, and their truth, rendered once and kept.

A scanner's voxel is a cell average, over cells that along k may be thicker or thinner than the slices' distance, or a
point sample; its blur is a Gaussian. Truth is either of the two on any grid. Nothing here uses the kernels measured.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.grid import Grid
from hounsfield.phantom import grid_about, head

Sampling = Literal["average", "point"]
Floats = NDArray[np.float32]

KEPT = Path(__file__).parent / ".kept"
"""Rendered pieces; renders take minutes, and never change for one version of the phantom."""

BLOCKS_RAS_MM = {"mastoid": (50.0, -26.0, -36.0), "orbit": (28.0, 66.0, -24.0), "vertex": (22.0, 12.0, 60.0)}
"""Where the pieces lie: air cells in bone; eye, fat, sinus; scalp, vault, gyri and sulci."""

TRUTH_EXTENT_MM = (40.0, 40.0, 20.0)
MARGIN_MM = 6.0
OFF_CENTRE_MM = np.array([0.13, 0.21, 0.17])
"""The truth's grid is not centred on the source's, as no scan is on its target: phases are many, and not symmetric."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A resampling: source spacing and slice thickness to target spacing, mm."""

    source_mm: tuple[float, float, float]
    target_mm: float
    thickness_mm: float | None = None

    @property
    def name(self) -> str:
        i, _, k = self.source_mm
        thick = f", slices of {self.thickness_mm:g} mm" if self.thickness_mm else ""
        return (f"{i:g} -> {self.target_mm:g} mm" if i == k else f"{i:g} x {i:g} x {k:g} -> {self.target_mm:g} mm") + thick


WORKS = (
    Work(source_mm=(0.488, 0.488, 0.488), target_mm=1.0),
    Work(source_mm=(0.7, 0.7, 0.7), target_mm=1.5),
    Work(source_mm=(0.8, 0.8, 0.8), target_mm=0.5),
    Work(source_mm=(0.488, 0.488, 2.5), target_mm=1.0),
    Work(source_mm=(0.488, 0.488, 5.0), target_mm=1.0),
    Work(source_mm=(0.488, 0.488, 2.5), target_mm=1.0, thickness_mm=5.0),
    Work(source_mm=(0.488, 0.488, 2.5), target_mm=1.0, thickness_mm=1.25),
    Work(source_mm=(0.488, 0.488, 0.5), target_mm=1.0, thickness_mm=1.0),
    Work(source_mm=(0.488, 0.488, 0.5), target_mm=1.0, thickness_mm=0.25),
)


def target_grid(block: str, work: Work) -> Grid:
    """The grid of the truth: TRUTH_EXTENT_MM of cells about the block's middle, a little off it."""
    shape = [round(extent / work.target_mm) for extent in TRUTH_EXTENT_MM]
    return grid_about((np.array(BLOCKS_RAS_MM[block]) + OFF_CENTRE_MM).tolist(), shape=shape, spacing_mm=[work.target_mm] * 3)


def source_grid(block: str, work: Work) -> Grid:
    """The grid of the scan: the same and a margin, of at least three slices."""
    margins = np.maximum(MARGIN_MM, 3 * np.array(work.source_mm))
    shape = [int(np.ceil((extent + 2 * margin) / step))
             for extent, margin, step in zip(TRUTH_EXTENT_MM, margins, work.source_mm, strict=True)]
    return grid_about(BLOCKS_RAS_MM[block], shape=shape, spacing_mm=work.source_mm)


def scan(block: str, work: Work, *, sampling: Sampling, blur_mm: float) -> Floats:
    """HU on `source_grid`: samples at the centres, or averages over cells of the slices' thickness."""
    grid = source_grid(block, work)
    if sampling == "point" or work.thickness_mm is None:
        return rendered(grid, sampling=sampling, blur_mm=blur_mm)[0]
    step, thickness = work.source_mm[2], work.thickness_mm
    cell = min(step, thickness)
    per_step, per_slice = round(step / cell), round(thickness / cell)
    cells = (grid.shape[2] - 1) * per_step + per_slice
    fine = grid.moved((*grid.shape[:2], cells), np.diag([1, 1, cell / step, 1]) + _shift((cell - thickness) / 2 / step))
    values = rendered(fine, sampling="average", blur_mm=blur_mm)[0]
    return np.stack([values[:, :, n * per_step : n * per_step + per_slice].mean(axis=2) for n in range(grid.shape[2])], axis=2)


def truth(block: str, work: Work, *, sampling: Sampling, blur_mm: float) -> tuple[Floats, NDArray[np.bool_]]:
    """HU on `target_grid`, and which voxels are of the head."""
    values, mask = rendered(target_grid(block, work), sampling=sampling, blur_mm=blur_mm)
    return values, mask > 0


def rendered(grid: Grid, *, sampling: Sampling, blur_mm: float) -> tuple[Floats, NDArray[np.uint8]]:
    """The head's exact HU on a grid and its mask, from KEPT where they are."""
    words = f"{grid.shape} {np.round(grid.affine, 9).tolist()} {sampling} {blur_mm}"
    path = KEPT / f"{hashlib.sha256(words.encode()).hexdigest()[:20]}.npz"
    if not path.exists():
        made = head(grid, noise_hu=0, blur_mm=blur_mm, sampling=sampling)
        KEPT.mkdir(exist_ok=True)
        (KEPT / ".gitignore").write_text("*\n")
        part = path.with_suffix(".part.npz")
        np.savez(part, hu=made.exact.array, mask=made.masks["head"].array)
        part.rename(path)
    with np.load(path) as kept:
        return kept["hu"], kept["mask"]


def _shift(k_voxels: float) -> NDArray[np.float64]:
    move = np.zeros((4, 4))
    move[2, 3] = k_voxels
    return move
