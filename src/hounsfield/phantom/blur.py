"""Blur by the point spread of a scanner: render finer, blur, then average or sample."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.grid import Grid
from hounsfield.phantom.render import render
from hounsfield.phantom.shape import Shape
from hounsfield.phantom.tissue import values

SIGMA_PER_FWHM = 1 / (8 * np.log(2)) ** 0.5
"""Standard deviation of a Gaussian per full width at half maximum."""

COARSEST_STEP = 1.0
"""Largest step of the fine grid in sigma: the width of a sampled Gaussian is then within 1 %."""

REACH_SIGMA = 4.0
"""The Gaussian is truncated here, where it has fallen to 3e-4."""

SLAB_VOXELS = 1 << 24
"""Voxels of the fine grid that are rendered at a time."""


def blurred(
    scene: Sequence[Shape], grid: Grid, *, fwhm_mm: float, sampling: str
) -> NDArray[np.float32]:
    """HU of `scene` on `grid`, (i, j, k) float32, blurred by a Gaussian in three dimensions.

    `sampling="average"` gives averages over the cells of the blurred object, `"point"` its values
    at their centers. The cells of the fine grid are averages themselves: for points their
    variance, step**2 / 12, is subtracted from that of the Gaussian.
    """
    sigma = fwhm_mm * SIGMA_PER_FWHM
    counts = _odd(np.ceil(np.array(grid.spacing_mm) / (COARSEST_STEP * sigma)))
    steps = np.array(grid.spacing_mm) / counts
    widths = (
        np.full(3, sigma)
        if sampling == "average"
        else np.sqrt(np.maximum(sigma**2 - steps**2 / 12, 0.0))
    )
    halo = np.ceil(REACH_SIGMA * sigma / np.array(grid.spacing_mm)).astype(int)
    out = np.empty(grid.shape, dtype=np.float32, order="F")
    plane = np.prod((np.array(grid.shape[:2]) + 2 * halo[:2]) * counts[:2])
    slices = max(1, int(SLAB_VOXELS // (plane * counts[2])))
    for start in range(0, grid.shape[2], slices):
        stop = min(start + slices, grid.shape[2])
        wide = grid.boxed(
            (-halo[0], -halo[1], start - halo[2]),
            (grid.shape[0] + 2 * halo[0], grid.shape[1] + 2 * halo[1], stop - start + 2 * halo[2]),
        )
        out[:, :, start:stop] = _reduced(
            _smooth(_fine(scene, wide, counts), widths / steps), counts, halo, sampling
        )
    return out


def _odd(counts: NDArray[np.float64]) -> NDArray[np.int64]:
    whole = counts.astype(np.int64)
    return np.where(whole % 2 == 0, whole + 1, whole)


def _fine(scene: Sequence[Shape], grid: Grid, counts: NDArray[np.int64]) -> NDArray[np.float32]:
    fine = _split(grid, counts)
    out = np.empty(fine.shape, dtype=np.float32, order="F")
    tissues = 1 + max(shape.tissue for shape in scene)
    for piece in render(scene, fine, tissues=tissues):
        out[:, :, piece.start : piece.stop] = piece.mapped(values()[:tissues])
    return out


def _split(grid: Grid, counts: NDArray[np.int64]) -> Grid:
    move = np.diag([*(1 / counts), 1.0])
    move[:3, 3] = -0.5 + 0.5 / counts
    return grid.moved([int(size * n) for size, n in zip(grid.shape, counts, strict=True)], move)


def _smooth(array: NDArray[np.float32], widths: NDArray[np.float64]) -> NDArray[np.float32]:
    from scipy.ndimage import gaussian_filter1d

    for axis, width in enumerate(widths):
        array = gaussian_filter1d(
            array, float(width), axis=axis, mode="nearest", truncate=REACH_SIGMA
        )
    return array


def _reduced(
    fine: NDArray[np.float32], counts: NDArray[np.int64], halo: NDArray[np.int64], sampling: str
) -> NDArray[np.float32]:
    i, j, k = (size // int(n) for size, n in zip(fine.shape, counts, strict=True))
    cells = fine.reshape(i, counts[0], j, counts[1], k, counts[2])
    middle = counts // 2
    coarse = (
        cells.mean(axis=(1, 3, 5))
        if sampling == "average"
        else cells[:, middle[0], :, middle[1], :, middle[2]]
    )
    inner = tuple(
        slice(int(edge), size - int(edge)) for edge, size in zip(halo, coarse.shape, strict=True)
    )
    return np.asarray(coarse[inner], dtype=np.float32)
