"""Synthetic volumes: noise, a linear ramp and a bright blob."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from hounsfield.core.grid import Grid
from hounsfield.core.spec import Spec
from hounsfield.core.volume import Volume

AIR_HU, BLOB_HU = -1000.0, 1000.0


def noise(spec: Spec, *, seed: int) -> Volume:
    """Values that differ from voxel to voxel: -1024 to 3071 as far as the dtype of `spec` reaches, labels 0 to 4."""
    generator = np.random.default_rng(seed)
    array: NDArray[Any]
    if spec.quantity in ("label", "mask"):
        array = generator.integers(0, 2 if spec.quantity == "mask" else 5, spec.shape)
    elif spec.quantity in ("unit", "standardized"):
        array = generator.random(spec.shape, dtype=np.float32)
    elif spec.dtype.kind in "iu":
        limits = np.iinfo(spec.dtype)
        array = generator.integers(max(-1024, limits.min), min(3071, limits.max) + 1, spec.shape)
    else:
        array = generator.uniform(-1024, 3071, spec.shape)
    return Volume(np.asfortranarray(array.astype(spec.dtype)), spec)


def ramp(
    grid: Grid, *, gradient_hu_per_mm: ArrayLike = (3.0, -2.0, 1.0), dtype: DTypeLike = np.float32
) -> Volume:
    """HU that rise along a straight line in the world: 40 at the grid's middle, `gradient_hu_per_mm` in RAS+."""
    return Volume.from_array(
        ramp_hu(centres(grid), grid=grid, gradient_hu_per_mm=gradient_hu_per_mm).astype(dtype),
        affine=grid.affine,
    )


def ramp_hu(
    points_ras_mm: NDArray[np.float64],
    *,
    grid: Grid,
    gradient_hu_per_mm: ArrayLike = (3.0, -2.0, 1.0),
) -> NDArray[np.float64]:
    """What `ramp` over `grid` is at points (..., 3) in RAS+ mm; float64."""
    gradient = np.asarray(gradient_hu_per_mm, dtype=np.float64)
    return np.asarray((points_ras_mm - grid.corners_mm.mean(axis=0)) @ gradient + 40.0)


def blob(
    grid: Grid, *, at_ras_mm: ArrayLike, radius_mm: float, dtype: DTypeLike = np.int16
) -> Volume:
    """A round bright spot in air: -1000 HU, and a Gaussian of 2000 HU more with deviation `radius_mm`."""
    distance = centres(grid) - np.asarray(at_ras_mm, dtype=np.float64)
    values = AIR_HU + (BLOB_HU - AIR_HU) * np.exp(-(distance**2).sum(axis=-1) / (2 * radius_mm**2))
    rounded: NDArray[Any] = np.rint(values) if np.dtype(dtype).kind in "iu" else values
    return Volume.from_array(np.asfortranarray(rounded.astype(dtype)), affine=grid.affine)


def middle_of(volume: Volume) -> NDArray[np.float64]:
    """Where the brighter half of a volume's range lies: the mean place, RAS+ mm (3,), of its values over the middle."""
    values = volume.array if volume.array.ndim == 3 else volume.array.mean(axis=3)
    high = values.astype(np.float64) - (float(values.min()) + float(values.max())) / 2
    weight = np.maximum(high, 0)
    return np.asarray((centres(volume.grid) * weight[..., None]).sum(axis=(0, 1, 2)) / weight.sum())


def centres(grid: Grid) -> NDArray[np.float64]:
    """The place of every voxel centre, (i, j, k, 3), RAS+ mm."""
    return grid.world(np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), axis=-1))
