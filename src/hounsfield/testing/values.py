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
    """Return a volume of random voxels.

    Parameters
    ----------
    spec : Spec
        The Spec of the volume.
    seed : int
        Seed of the random numbers.

    Returns
    -------
    Volume
        Values from -1024 to 3071 as far as the dtype reaches, 0 to 1 for 'unit' and 'standardized',
        labels from 0 to 4.

    Examples
    --------
    >>> spec = Spec(grid=Grid((2, 2, 2), np.eye(4)), dtype="int16", quantity="hu", background=-1024)
    >>> noise(spec, seed=0).shape
    (2, 2, 2)
    """
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
    """Return HU that rise linearly in the world.

    Parameters
    ----------
    grid : Grid
        The grid of the volume.
    gradient_hu_per_mm : array_like of float, (3,), default (3, -2, 1)
        Gradient along R, A and S, HU per mm.
    dtype : dtype_like, default float32
        Type of the voxels.

    Returns
    -------
    Volume
        HU, 40 at the centre of the grid.

    Examples
    --------
    >>> ramp(Grid((3, 3, 3), np.eye(4))).array[:, 1, 1].tolist()
    [37.0, 40.0, 43.0]
    """
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
    """Return a bright, round spot in air.

    Parameters
    ----------
    grid : Grid
        The grid of the volume.
    at_ras_mm : array_like of float, (3,)
        Centre of the spot, RAS+ mm.
    radius_mm : float
        Standard deviation of its Gaussian, mm.
    dtype : dtype_like, default int16
        Type of the voxels.

    Returns
    -------
    Volume
        -1000 HU, and 1000 HU at the centre of the spot.

    Examples
    --------
    >>> int(blob(Grid((3, 3, 3), np.eye(4)), at_ras_mm=(1, 1, 1), radius_mm=0.5).array[1, 1, 1])
    1000
    """
    distance = centres(grid) - np.asarray(at_ras_mm, dtype=np.float64)
    values = AIR_HU + (BLOB_HU - AIR_HU) * np.exp(-(distance**2).sum(axis=-1) / (2 * radius_mm**2))
    rounded: NDArray[Any] = np.rint(values) if np.dtype(dtype).kind in "iu" else values
    return Volume.from_array(np.asfortranarray(rounded.astype(dtype)), affine=grid.affine)


def middle_of(volume: Volume) -> NDArray[np.float64]:
    """The centroid, RAS+ mm (3,), of the values above the middle of a volume's range."""
    values = volume.array if volume.array.ndim == 3 else volume.array.mean(axis=3)
    high = values.astype(np.float64) - (float(values.min()) + float(values.max())) / 2
    weight = np.maximum(high, 0)
    return np.asarray((centres(volume.grid) * weight[..., None]).sum(axis=(0, 1, 2)) / weight.sum())


def centres(grid: Grid) -> NDArray[np.float64]:
    """The place of every voxel centre, (i, j, k, 3), RAS+ mm."""
    return grid.world(np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), axis=-1))
