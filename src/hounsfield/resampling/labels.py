"""Labels and masks through a sampling: no value that was not there, and partial volumes counted fairly."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np

from hounsfield.core.grid import Grid
from hounsfield.core.stack import Stack
from hounsfield.core.volume import Array, Volume
from hounsfield.kernels.sampler import DEFAULT_SAMPLER, Sampler
from hounsfield.resampling.one_pass import OnePass
from hounsfield.resampling.sampling import Sampling, gathered


def sample_label(
    label: Volume,
    grid: Grid,
    sampling: Sampling | None,
    *,
    method: Literal["nearest", "partial_volume"],
    sampler: Sampler = DEFAULT_SAMPLER,
) -> Volume:
    """A label or mask on `grid`, in its dtype, bit for bit where the sampling only copies.

    `nearest` takes the value at the nearest voxel. `partial_volume` gives each target cell the label with the
    largest share of it: the cell's mean of every label's indicator (by area where it gets coarser, linear where it
    gets finer), the lower value where two are equal. `sampling` is None where the grids are oblique to each other.
    """
    spec = label.spec.replaced(grid=grid)
    if sampling is None:
        return Volume(gathered(label, grid, method="nearest").astype(spec.dtype), spec)
    if sampling.is_copy:
        return Volume(sampling.copied(label.array, background=label.background), spec)
    if method == "nearest":
        return Volume(sampling.picked(label.array, background=label.background), spec)
    return Volume(_largest_share(label, sampling, sampler), spec)


def _largest_share(label: Volume, sampling: Sampling, sampler: Sampler) -> Array:
    source = np.asfortranarray(label.array)
    best: Array | None = None
    winner: Array | None = None
    for value in np.union1d(source, np.asarray(label.background, dtype=source.dtype)):
        part = Volume.from_array(
            (source == value).astype(np.uint8, order="F"), affine=label.grid.affine, quantity="mask"
        )
        outside = 1.0 if value == label.background else 0.0
        share = _share(part, sampling, outside=outside, sampler=sampler)
        if best is None or winner is None:
            best, winner = share, np.full(share.shape, value, dtype=source.dtype, order="F")
        else:
            larger = share > best
            best[larger], winner[larger] = share[larger], value
    assert winner is not None
    return winner


def _share(part: Volume, sampling: Sampling, *, outside: float, sampler: Sampler) -> Array:
    i, j, k = (
        axis
        if axis.is_copy
        else replace(axis, method="linear" if axis.kernel("auto") == "linear" else "area")
        for axis in sampling.axes
    )
    chosen = replace(sampling, axes=(i, j, k))
    return OnePass(
        stack=Stack.from_volume(part),
        sampling=chosen,
        dtype=np.dtype(np.float32),
        background=outside,
        sampler=sampler,
    ).run()
