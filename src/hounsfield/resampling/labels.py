"""Resample labels and masks without creating new values."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np

from hounsfield.core.grid import Grid
from hounsfield.core.stack import Stack
from hounsfield.core.volume import Array, Volume
from hounsfield.kernels.sampler import DEFAULT_SAMPLER, Sampler
from hounsfield.resampling.axes import AxisMap
from hounsfield.resampling.one_pass import OnePass
from hounsfield.resampling.sampling import Sampling, resample_oblique


def sample_label(
    label: Volume,
    grid: Grid,
    sampling: Sampling | None,
    *,
    method: Literal["nearest", "partial_volume"],
    sampler: Sampler = DEFAULT_SAMPLER,
) -> Volume:
    """A label or mask on `grid`, in its dtype; an exact copy if the sampling only copies.

    `nearest` uses the value of the nearest voxel. `partial_volume` gives each target cell the
    label with the largest share of it, the lower value on a tie. The share is the mean of the
    label's indicator over the cell: area-weighted if it gets coarser, linear if finer. `sampling`
    is None if the grids are oblique to each other.
    """
    spec = label.spec.replaced(grid=grid)
    if sampling is None:
        return Volume(resample_oblique(label, grid, method="nearest").astype(spec.dtype), spec)
    if sampling.is_copy:
        return Volume(sampling.copied(label.array, background=label.background), spec)
    if method == "nearest":
        return Volume(sampling.picked(label.array, background=label.background), spec)
    return Volume(_largest_share(label, sampling, sampler), spec)


def _largest_share(label: Volume, sampling: Sampling, sampler: Sampler) -> Array:
    source = np.asfortranarray(label.array)
    best: Array | None = None
    label_of: Array | None = None
    for value in np.union1d(source, np.asarray(label.background, dtype=source.dtype)):
        part = Volume.from_array(
            (source == value).astype(np.uint8, order="F"), affine=label.grid.affine, quantity="mask"
        )
        outside = 1.0 if value == label.background else 0.0
        share = _share(part, sampling, outside=outside, sampler=sampler)
        if best is None or label_of is None:
            best, label_of = share, np.full(share.shape, value, dtype=source.dtype, order="F")
        else:
            larger = share > best
            best[larger], label_of[larger] = share[larger], value
    assert label_of is not None
    return label_of


def _share(part: Volume, sampling: Sampling, *, outside: float, sampler: Sampler) -> Array:
    i, j, k = (axis if axis.is_copy else _share_axis(axis) for axis in sampling.axes)
    return OnePass(
        stack=Stack.from_volume(part),
        sampling=replace(sampling, axes=(i, j, k)),
        dtype=np.dtype(np.float32),
        background=outside,
        sampler=sampler,
    ).run()


def _share_axis(axis: AxisMap) -> AxisMap:
    return replace(axis, method="linear" if axis.kernel("auto") == "linear" else "area")
