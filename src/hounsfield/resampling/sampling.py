"""Compose geometric steps into one sampling from source voxels to a grid."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.grid import ALIGNED_TOLERANCE_VOXELS, Grid
from hounsfield.core.volume import Array, Volume
from hounsfield.kernels.oblique import gather
from hounsfield.kernels.sample import AxisTable
from hounsfield.resampling.axes import AxisMap, Method


@dataclass(frozen=True, slots=True, eq=False)
class Sampling:
    """The mapping from source voxels to the samples of `grid`: one AxisMap per source axis.

    `order[n]` is the source axis of output axis n. `shifts_voxels` (k, 2) is the offset of each
    source slice along i and j from the source's natural grid (gantry tilt), or None.
    """

    source_shape: tuple[int, int, int]
    grid: Grid
    order: tuple[int, int, int]
    axes: tuple[AxisMap, AxisMap, AxisMap]
    shifts_voxels: NDArray[np.float64] | None = None

    @classmethod
    def of_grid(cls, grid: Grid) -> Sampling:
        """The identity sampling of a grid."""
        i, j, k = (AxisMap.identity(size) for size in grid.shape)
        return cls(grid.shape, grid, (0, 1, 2), (i, j, k))

    @classmethod
    def between(cls, source: Grid, target: Grid, *, method: Method) -> Sampling | None:
        """The sampling from one grid to another, or None if they are oblique (cached)."""
        return _between(source, target, method)

    def to(self, grid: Grid, *, method: Method = "auto") -> Sampling | None:
        """This sampling followed by one to `grid`, or None if the axes are oblique."""
        relation = np.linalg.inv(self.grid.affine) @ grid.affine
        order = [int(np.argmax(np.abs(relation[:3, n]))) for n in range(3)]
        drift = [
            abs(relation[r, n]) * (grid.shape[n] - 1)
            for n in range(3)
            for r in range(3)
            if r != order[n]
        ]
        if sorted(order) != [0, 1, 2] or float(np.max(drift)) > ALIGNED_TOLERANCE_VOXELS:
            return None
        axes = list(self.axes)
        for n, current in enumerate(order):
            source = self.order[current]
            scale, offset = float(relation[current, n]), float(relation[current, 3])
            sign = 1 if scale > 0 else -1
            points = np.asarray(offset + scale * np.arange(grid.shape[n]), dtype=np.float64)
            whole = np.rint(points)
            if (
                abs(abs(scale) - 1) * grid.shape[n] < 0.5
                and np.abs(points - whole).max() <= ALIGNED_TOLERANCE_VOXELS
            ):
                axes[source] = axes[source].select(whole.astype(np.int64), sign=sign)
            else:
                axes[source] = axes[source].sampled(
                    points, width=abs(scale), method=method, sign=sign
                )
        i, j, k = (self.order[current] for current in order)
        return Sampling(
            self.source_shape, grid, (i, j, k), (axes[0], axes[1], axes[2]), self.shifts_voxels
        )

    @property
    def is_identity(self) -> bool:
        """Whether the output equals the source."""
        return (
            self.is_copy
            and self.order == (0, 1, 2)
            and all(
                axis.size == size and np.array_equal(axis.lattice, np.arange(size))
                for axis, size in zip(self.axes, self.source_shape, strict=True)
            )
        )

    @property
    def is_copy(self) -> bool:
        """Whether every sample is a source voxel or background."""
        return all(axis.is_copy for axis in self.axes)

    @property
    def pads(self) -> bool:
        """Whether some samples are always background."""
        return any(bool(axis.outside.any()) or bool((axis.lattice < 0).any()) for axis in self.axes)

    @property
    def kernels(self) -> tuple[str, str, str]:
        """The kernel along each output axis, or 'copy'."""
        i, j, k = ("copy" if self.axes[n].is_copy else self.axes[n].kernel() for n in self.order)
        return (i, j, k)

    def tables(self, *, method: Method | None = None) -> tuple[list[AxisTable], ...]:
        """For each source axis one table, or one per source slice if the gantry is tilted."""
        result = []
        for n, axis in enumerate(self.axes):
            given = self.shifts_voxels if n < 2 else None
            shifts = np.zeros(0) if given is None else given[:, n]
            if np.any(shifts) and not axis.is_copy:
                result.append([axis.table(shift=float(one), method=method) for one in shifts])
            else:
                result.append([axis.table(method=method)])
        return tuple(
            _same_span(tables, size=size)
            for tables, size in zip(result, self.source_shape, strict=True)
        )

    @property
    def is_picking(self) -> bool:
        """Whether every sample is the nearest source voxel or background."""
        return set(self.kernels) <= {"copy", "nearest"} and (
            self.shifts_voxels is None or self.is_copy
        )

    def picked(self, array: Array, *, background: float) -> Array:
        """The nearest voxel of `array` (i, j, k) at every sample, in its dtype."""
        tables = [table for (table,) in self.tables(method="nearest")]
        out = array[np.ix_(*(table.first + table.weight.argmax(axis=1) for table in tables))]
        for axis, table in enumerate(tables):
            outside = table.rest > 0.5
            if outside.any():  # numpy raises for a background out of range even if it writes none
                np.moveaxis(out, axis, 0)[outside] = background
        return np.asfortranarray(out.transpose(self.order))

    def copied(self, array: Array, *, background: float | NDArray[np.float64]) -> Array:
        """An exact copy of voxels of `array` (i, j, k, ...), with `background` outside."""
        runs = [_run(axis.lattice) for axis in self.axes]
        shape = tuple(axis.size for axis in self.axes) + array.shape[3:]
        out_slices = tuple(run[0] for run in runs)
        whole = all(
            cut == slice(0, axis.size) for cut, axis in zip(out_slices, self.axes, strict=True)
        )
        order = (*self.order, *range(3, array.ndim))
        if whole:
            return np.asfortranarray(array[tuple(run[1] for run in runs)].transpose(order))
        out = np.empty([shape[n] for n in order], dtype=array.dtype, order="F")
        inside = out.transpose(np.argsort(order))
        for axis, run in enumerate(out_slices):  # fills only what the copy does not write
            before = out_slices[:axis]
            inside[(*before, slice(0, run.start))] = background
            inside[(*before, slice(run.stop, None))] = background
        inside[out_slices] = array[tuple(run[1] for run in runs)]
        return out


def sampled_dtype(
    dtype: np.dtype[Any], sampling: Sampling | None, *, method: Method
) -> np.dtype[Any]:
    """The dtype of an image after a sampling: unchanged for copies and nearest, else float32.

    `sampling` is None if the grids are oblique to each other; then `method` applies.
    """
    kernels = {method} if sampling is None else set(sampling.kernels)
    return dtype if kernels <= {"copy", "nearest"} else np.dtype(np.float32)


def holds(dtype: np.dtype[Any], background: float) -> bool:
    """Whether `dtype` can represent the background."""
    if dtype.kind not in "iu":
        return dtype.kind == "f" or background in (0.0, 1.0)
    limits = np.iinfo(dtype)
    return float(background).is_integer() and limits.min <= background <= limits.max


def resample_oblique(volume: Volume, grid: Grid, *, method: Method) -> Array:
    """Resample to an oblique grid: trilinear as float32, or nearest.

    Between the outermost centres and faces the edge value is used, outside them the background.
    """
    relation = np.linalg.inv(volume.grid.affine) @ grid.affine
    kind: Literal["linear", "nearest"] = "nearest" if method == "nearest" else "linear"
    parts = [volume.channel(n) for n in range(len(volume.spec.channels))] or [volume]
    out: Array | None = None
    for n, part in enumerate(parts):
        made = gather(
            part.array, relation, shape=grid.shape, background=part.background, method=kind
        )
        if not volume.spec.channels:
            return made
        out = np.empty((*made.shape, len(parts)), made.dtype, order="F") if out is None else out
        out[..., n] = made
    assert out is not None
    return out


def each_channel(array: Array, function: Callable[[Array], Array]) -> Array:
    """Apply a function of (i, j, k) arrays to each channel of (i, j, k) or (i, j, k, channel)."""
    if array.ndim == 3:
        return function(array)
    first = function(array[..., 0])
    out = np.empty((*first.shape, array.shape[3]), first.dtype, order="F")
    out[..., 0] = first
    for n in range(1, array.shape[3]):
        out[..., n] = function(array[..., n])
    return out


def _run(lattice: NDArray[np.int64]) -> tuple[slice, slice]:
    """Output and source slices of a copy along one axis, with step 1 or -1."""
    real = np.flatnonzero(lattice >= 0)
    if not len(real):
        return slice(0, 0), slice(0, 0)
    first, last = int(lattice[real[0]]), int(lattice[real[-1]])
    if first <= last:
        return slice(int(real[0]), int(real[-1]) + 1), slice(first, last + 1)
    return slice(int(real[0]), int(real[-1]) + 1), slice(first, last - 1 if last else None, -1)


def _same_span(tables: list[AxisTable], *, size: int) -> list[AxisTable]:
    """Pad the tables of an axis of `size` samples to the same number of taps."""
    taps = max(table.taps for table in tables)
    if all(table.taps == taps for table in tables):
        return tables
    widened = []
    for table in tables:
        first = np.minimum(table.first, size - taps)
        offset = (table.first - first)[:, None]
        weight = np.zeros((len(first), taps), dtype=np.float32)
        np.put_along_axis(weight, offset + np.arange(table.taps), table.weight, axis=1)
        limits = None if table.limits is None else table.limits + offset
        widened.append(AxisTable(first, weight, table.rest, limits))
    return widened


@lru_cache(maxsize=64)
def _between(source: Grid, target: Grid, method: Method) -> Sampling | None:
    return Sampling.of_grid(source).to(target, method=method)
