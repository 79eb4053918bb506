"""Pieces of the phantom's head as scanners would give them, and their truth, rendered once.

A scanner's voxel is a cell average, over cells that along k may be thicker or thinner than the
slices' distance, or a point sample; its blur is a Gaussian. Truth is either of the two on any grid.
Without blur both are the phantom's own, exact ones. With blur the field is one rendering on cells
of FINE_MM, blurred, and assumed to be linear in between. Sources and truths are exact averages or
samples of that field. Nothing here uses the kernels measured.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from functools import lru_cache
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

BLOCKS_RAS_MM = {
    "mastoid": (50.0, -26.0, -36.0),
    "orbit": (28.0, 66.0, -24.0),
    "vertex": (22.0, 12.0, 60.0),
}
"""Where the pieces lie: air cells in bone; eye, fat, sinus; scalp, vault, gyri and sulci."""

TRUTH_EXTENT_MM = (40.0, 40.0, 20.0)
MARGIN_MM = 6.0
FINE_MM = 0.2
FINE_EXTENT_MM = (58.0, 58.0, 62.0)
"""The sources' extent and slices of 5 mm, and four sigma of the widest blur."""

SIGMA_PER_FWHM = 1 / (8 * np.log(2)) ** 0.5
OFF_CENTRE_MM = np.array([0.13, 0.21, 0.17])
"""Off centre, as the grids of real scans and targets are: many phases, without symmetry."""


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
        size = f"{i:g}" if i == k else f"{i:g} x {i:g} x {k:g}"
        return f"{size} -> {self.target_mm:g} mm{thick}"


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
    middle = np.array(BLOCKS_RAS_MM[block]) + OFF_CENTRE_MM
    return grid_about(middle.tolist(), shape=shape, spacing_mm=[work.target_mm] * 3)


def source_grid(block: str, work: Work) -> Grid:
    """The grid of the scan: the same and a margin, of at least three slices."""
    margins = np.maximum(MARGIN_MM, 3 * np.array(work.source_mm))
    shape = [
        int(np.ceil((extent + 2 * margin) / step))
        for extent, margin, step in zip(TRUTH_EXTENT_MM, margins, work.source_mm, strict=True)
    ]
    return grid_about(BLOCKS_RAS_MM[block], shape=shape, spacing_mm=work.source_mm)


def scan(block: str, work: Work, *, sampling: Sampling, blur_mm: float) -> Floats:
    """HU on `source_grid`: samples at the centres, or averages over cells one slice thick."""
    grid = source_grid(block, work)
    step, thickness = work.source_mm[2], work.thickness_mm or work.source_mm[2]
    if blur_mm > 0:
        return of_field(block, grid, sampling=sampling, blur_mm=blur_mm, thickness_mm=thickness)
    if sampling == "point" or thickness == step:
        return rendered(grid, sampling=sampling)[0]
    cell = min(step, thickness)
    per_step, per_slice = round(step / cell), round(thickness / cell)
    cells = (grid.shape[2] - 1) * per_step + per_slice
    move = np.diag([1, 1, cell / step, 1])
    move[2, 3] = (cell - thickness) / 2 / step
    values = rendered(grid.moved((*grid.shape[:2], cells), move), sampling="average")[0]
    starts = [n * per_step for n in range(grid.shape[2])]
    return np.stack(
        [values[:, :, start : start + per_slice].mean(axis=2) for start in starts], axis=2
    )


def truth(
    block: str, work: Work, *, sampling: Sampling, blur_mm: float
) -> tuple[Floats, NDArray[np.bool_]]:
    """HU on `target_grid`, and which voxels are of the head."""
    grid = target_grid(block, work)
    values, mask = rendered(grid, sampling=sampling)
    if blur_mm > 0:
        values = of_field(
            block, grid, sampling=sampling, blur_mm=blur_mm, thickness_mm=work.target_mm
        )
    return values, mask > 0


def rendered(grid: Grid, *, sampling: Sampling) -> tuple[Floats, NDArray[np.uint8]]:
    """The head's exact HU on a grid, without blur, and its mask, from KEPT where they are."""
    words = f"{grid.shape} {np.round(grid.affine, 9).tolist()} {sampling} 0.0"
    path = KEPT / f"{hashlib.sha256(words.encode()).hexdigest()[:20]}.npz"
    if not path.exists():
        made = head(grid, noise_hu=0, sampling=sampling)
        KEPT.mkdir(exist_ok=True)
        (KEPT / ".gitignore").write_text("*\n")
        part = path.with_name(f"{os.getpid()}.part.npz")
        np.savez(part, hu=made.exact.array, mask=made.masks["head"].array)
        part.rename(path)
    with np.load(path) as kept:
        return kept["hu"], kept["mask"]


def field_grid(block: str) -> Grid:
    """The grid of the fine rendering."""
    shape = [round(extent / FINE_MM) for extent in FINE_EXTENT_MM]
    return grid_about(BLOCKS_RAS_MM[block], shape=shape, spacing_mm=[FINE_MM] * 3)


@lru_cache(maxsize=6)
def _blurred(block: str, blur_mm: float) -> Floats:
    from scipy.ndimage import gaussian_filter1d

    values = rendered(field_grid(block), sampling="average")[0]
    for axis in range(3):
        values = gaussian_filter1d(
            values, blur_mm * SIGMA_PER_FWHM / FINE_MM, axis=axis, mode="nearest"
        )
    return values


def of_field(
    block: str, grid: Grid, *, sampling: Sampling, blur_mm: float, thickness_mm: float
) -> Floats:
    """The blurred field on a grid: per axis a matrix of weights from fine nodes to samples."""
    values, fine = _blurred(block, blur_mm), field_grid(block)
    move = np.linalg.inv(fine.affine) @ grid.affine
    for axis in range(3):
        at = (move[axis, 3] + move[axis, axis] * np.arange(grid.shape[axis]))[:, None] - np.arange(
            fine.shape[axis]
        )
        half = (thickness_mm if axis == 2 else grid.spacing_mm[axis]) / FINE_MM / 2
        if sampling == "point":
            weights = np.maximum(1 - np.abs(at), 0)
        else:
            weights = (_hat_integral(at + half) - _hat_integral(at - half)) / (2 * half)
        values = np.moveaxis(
            np.tensordot(weights.astype(np.float32), values, axes=(1, axis)), 0, axis
        )
    return np.ascontiguousarray(values)


def _hat_integral(to: NDArray[np.float64]) -> NDArray[np.float64]:
    """The integral of the hat 1 - abs(x) from -1."""
    x = np.clip(to, -1, 1)
    return np.where(x < 0, (1 + x) ** 2 / 2, 1 - (1 - x) ** 2 / 2)
