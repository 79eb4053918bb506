"""Resample labels and masks without creating new values."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np

from hounsfield.core.errors import QuantityError
from hounsfield.core.grid import Grid
from hounsfield.core.spec import Quantity, Spec
from hounsfield.core.volume import Array, Volume
from hounsfield.kernels import labels as kernel
from hounsfield.resampling.axes import COARSER, AxisMap
from hounsfield.resampling.sampling import Sampling, holds, resample_oblique

LabelMethod = Literal["nearest", "partial_volume"]

MOST_POINTS = 16
"""Most points of a cell along one axis of an oblique grid, so that a coarse grid stays fast; the
share of a label is then exact to a few thousandths."""


def is_label(quantity: Quantity) -> bool:
    """Whether values of a quantity are labels or a mask, which are never averaged."""
    return quantity in ("label", "mask")


def sample_label(
    label: Volume, grid: Grid, sampling: Sampling | None, *, method: LabelMethod
) -> Volume:
    """A label or mask on `grid`, in its dtype; an exact copy if the sampling only copies.

    `nearest` uses the value of the nearest voxel. `partial_volume` gives each target cell the
    label with the largest share of it, the lowest value on a tie (shares within 1e-6). The share is
    the mean of the label's indicator over the cell: area-weighted if it gets coarser, linear if
    finer. `sampling` is None if the grids are oblique to each other; the mean is then over points
    of the cell, at most a source voxel apart. Raises QuantityError if the label does not cover the
    grid and its dtype cannot represent the background.
    """
    spec = label.spec.replaced(grid=grid)
    _check_background(spec, sampling)
    if not spec.channels:
        return Volume(_sampled(label, grid, sampling, method), spec)
    parts = [_sampled(label.channel(n), grid, sampling, method) for n in range(len(spec.channels))]
    return Volume(np.asfortranarray(np.stack(parts, axis=3)), spec)


def _check_background(spec: Spec, sampling: Sampling | None) -> None:
    pads = sampling is None or sampling.pads or sampling.shifts_voxels is not None
    for background in np.atleast_1d(spec.outside):
        if pads and not holds(spec.dtype, float(background)):
            raise QuantityError(
                f"background {background:g} of the label cannot be represented in {spec.dtype}, "
                "and the label does not cover the grid"
            )


def _sampled(label: Volume, grid: Grid, sampling: Sampling | None, method: LabelMethod) -> Array:
    background = label.background if holds(label.spec.dtype, label.background) else 0.0
    if sampling is None:
        if method == "nearest":
            return resample_oblique(label, grid, method="nearest").astype(label.spec.dtype)
        return _largest_share_oblique(label, grid, background)
    if sampling.is_copy:
        return sampling.copied(label.array, background=background)
    made = kernel.share(
        label.array, tables=_label_axes(sampling, method).tables(), background=background
    )
    return np.asfortranarray(made.transpose(sampling.order))


def _label_axes(sampling: Sampling, method: LabelMethod) -> Sampling:
    """The sampling with the interpolation of labels: nearest, linear or area along each axis."""
    i, j, k = (axis if axis.is_copy else _label_axis(axis, method) for axis in sampling.axes)
    return replace(sampling, axes=(i, j, k))


def _label_axis(axis: AxisMap, method: LabelMethod) -> AxisMap:
    if method == "nearest":
        return replace(axis, method="nearest")
    return replace(axis, method="linear" if axis.kernel("auto") == "linear" else "area")


def _largest_share_oblique(label: Volume, grid: Grid, background: float) -> Array:
    relation = np.linalg.inv(label.grid.affine) @ grid.affine
    widths = np.abs(relation[:3, :3]).max(axis=0)
    i, j, k = (1 if width <= COARSER else min(int(np.ceil(width)), MOST_POINTS) for width in widths)
    return kernel.share_oblique(
        label.array, relation, shape=grid.shape, points=(i, j, k), background=background
    )
