"""Geometric steps composed into one sampling: from a source's voxels to the samples of a grid."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.axes import AxisMap, AxisTable
from hounsfield.core.errors import GeometryError
from hounsfield.core.grid import ALIGNED_TOLERANCE_VOXELS, Grid
from hounsfield.core.spec import Spec
from hounsfield.core.stack import Stack
from hounsfield.core.volume import Array, Volume
from hounsfield.kernels.sample import OUTPUT_DTYPES, SOURCE_DTYPES, Windows, sample
from hounsfield.steps.base import Method, Transfer


@dataclass(frozen=True, slots=True, eq=False)
class Sampling:
    """How the samples of `grid` are made of a source's voxels: for each source axis an AxisMap, and the order.

    `order[n]` is the source axis that output axis n runs along; `shifts_voxels` (k, 2) is how far each source slice
    lies beyond its place in the source's natural grid along i and j (a tilted gantry), or None.
    """

    source_shape: tuple[int, int, int]
    grid: Grid
    order: tuple[int, int, int]
    axes: tuple[AxisMap, AxisMap, AxisMap]
    shifts_voxels: NDArray[np.float64] | None = None

    @classmethod
    def of_grid(cls, grid: Grid) -> Sampling:
        """The sampling that changes nothing."""
        i, j, k = (AxisMap.identity(size) for size in grid.shape)
        return cls(grid.shape, grid, (0, 1, 2), (i, j, k))

    @classmethod
    def of_stack(cls, stack: Stack) -> Sampling:
        """The sampling of a stack onto its natural grid: nothing where it is regular, else along k and in plane."""
        grid = stack.grid
        if stack.is_regular:
            return cls.of_grid(grid)
        nodes = stack.nodes
        axes = []
        for axis in (0, 1):
            offset = nodes[:, axis]
            exact = np.ptp(offset) <= ALIGNED_TOLERANCE_VOXELS and abs(offset[0] - round(offset[0])) <= ALIGNED_TOLERANCE_VOXELS
            lattice = AxisMap.identity(stack.shape[axis])
            if exact:
                axes.append(lattice.chosen(np.arange(grid.shape[axis]) - round(float(offset[0]))))
            else:
                axes.append(AxisMap(lattice.lattice, lattice.nodes, np.arange(grid.shape[axis], dtype=np.float64), 1.0,
                                    np.zeros(grid.shape[axis], dtype=bool), "auto"))
        even = np.abs(nodes[:, 2] - np.rint(nodes[:, 2])).max() <= ALIGNED_TOLERANCE_VOXELS and stack.is_even
        along = AxisMap.identity(stack.shape[2]) if even else AxisMap.between(nodes[:, 2], count=grid.shape[2])
        return cls(stack.shape, grid, (0, 1, 2), (axes[0], axes[1], along), nodes[:, :2])

    def to(self, grid: Grid, *, method: Method = "auto") -> Sampling | None:
        """This sampling followed by one onto `grid`, or None where the axes are oblique to each other."""
        relation = np.linalg.inv(self.grid.affine) @ grid.affine
        order = [int(np.argmax(np.abs(relation[:3, n]))) for n in range(3)]
        drift = [abs(relation[r, n]) * (grid.shape[n] - 1) for n in range(3) for r in range(3) if r != order[n]]
        if sorted(order) != [0, 1, 2] or float(np.max(drift)) > ALIGNED_TOLERANCE_VOXELS:
            return None
        axes = list(self.axes)
        for n, current in enumerate(order):
            source = self.order[current]
            scale, offset = float(relation[current, n]), float(relation[current, 3])
            points = np.asarray(offset + scale * np.arange(grid.shape[n]), dtype=np.float64)
            whole = np.rint(points)
            if abs(abs(scale) - 1) * grid.shape[n] < 0.5 and np.abs(points - whole).max() <= ALIGNED_TOLERANCE_VOXELS:
                axes[source] = axes[source].chosen(whole.astype(np.int64))
            else:
                axes[source] = axes[source].sampled(points, width=abs(scale), method=method)
        i, j, k = (self.order[current] for current in order)
        return Sampling(self.source_shape, grid, (i, j, k), (axes[0], axes[1], axes[2]), self.shifts_voxels)

    @property
    def is_identity(self) -> bool:
        """Whether it gives the source as it is."""
        return self.is_copy and self.order == (0, 1, 2) and all(
            axis.size == size and np.array_equal(axis.lattice, np.arange(size))
            for axis, size in zip(self.axes, self.source_shape, strict=True))

    @property
    def is_copy(self) -> bool:
        """Whether every sample is a voxel of the source or background."""
        return all(axis.is_copy for axis in self.axes)

    @property
    def kernels(self) -> tuple[str, str, str]:
        """The interpolation along each output axis: copy, nearest, linear, area, conservative or cubic."""
        i, j, k = ("copy" if self.axes[n].is_copy else self.axes[n].kernel() for n in self.order)
        return (i, j, k)

    def tables(self, *, method: Method | None = None) -> tuple[list[AxisTable], ...]:
        """For each source axis one table, or one per source slice where a tilt shifts them."""
        result = []
        for n, axis in enumerate(self.axes):
            if n < 2 and self.shifts_voxels is not None and not axis.is_copy:
                result.append([axis.table(shift=float(shift), method=method) for shift in self.shifts_voxels[:, n]])
            else:
                result.append([axis.table(method=method)])
        return tuple(_same_span(tables, size=size) for tables, size in zip(result, self.source_shape, strict=True))

    def run(self, stack: Stack, *, dtype: np.dtype[Any], background: float, before: Transfer | None = None,
            after: Transfer | None = None, windows: Windows | None = None, method: Method | None = None) -> Array:
        """Do it: the samples (i, j, k) of the grid as `dtype`, Fortran-ordered.

        `background` is the value outside, of the values after `before`; `windows` project along source axis k.
        """
        # The kernel writes in the source's order of axes; an output in another order is a transposed copy of that.
        shape = [axis.size for axis in self.axes]
        if windows is not None:
            shape[2] = len(windows.start)
        target = dtype if dtype in OUTPUT_DTYPES else np.dtype(np.float32)
        out = np.empty(shape, dtype=target, order="F")
        source = stack.slab(0, stack.shape[2])
        if source.dtype not in SOURCE_DTYPES:
            source = source.astype(np.float32, order="F")
        sample(source, out, tables=self.tables(method=method), slopes=stack.slopes, intercepts=stack.intercepts,
               padding=None if stack.padding is None else (*stack.padding, (before or Transfer())(stack.background)),
               background=background, before=_line(before), after=_line(after), windows=windows)
        if target != dtype:
            out = out.astype(dtype, order="F")
        return out if self.order == (0, 1, 2) else np.asfortranarray(out.transpose(self.order))

    def copied(self, array: Array, *, background: float) -> Array:
        """The same for a copy: voxels of `array` (i, j, k, ...) in their dtype, bit for bit, and background elsewhere."""
        runs = [_run(axis.lattice) for axis in self.axes]
        shape = tuple(axis.size for axis in self.axes) + array.shape[3:]
        out_slices = tuple(run[0] for run in runs)
        whole = all(cut == slice(0, axis.size) for cut, axis in zip(out_slices, self.axes, strict=True))
        order = (*self.order, *range(3, array.ndim))
        if whole:
            return np.asfortranarray(array[tuple(run[1] for run in runs)].transpose(order))
        out = np.full(shape, background, dtype=array.dtype, order="F").transpose(order)
        out = np.asfortranarray(out)
        out.transpose(np.argsort(order))[out_slices] = array[tuple(run[1] for run in runs)]
        return out


def sample_volume(volume: Volume, sampling: Sampling, *, spec: Spec, method: Method | None = None) -> Volume:
    """A volume through a sampling: copied bit for bit where nothing is interpolated, else interpolated as float32."""
    if sampling.is_copy:
        array = sampling.copied(volume.array, background=volume.background)
    elif spec.channels:
        parts = [volume.array[..., n] for n in range(len(spec.channels))]
        array = np.stack([_sampled(part, volume.spec, sampling, spec, method) for part in parts], axis=3)
    else:
        array = _sampled(volume.array, volume.spec, sampling, spec, method)
    if array.dtype != spec.dtype:
        raise GeometryError(f"sampling gave {array.dtype} where {spec.dtype} was planned")
    return Volume(array, spec)


def _sampled(array: Array, spec: Spec, sampling: Sampling, target: Spec, method: Method | None) -> Array:
    flat = Volume(array, spec.replaced(channels=(), dtype=array.dtype))
    return sampling.run(Stack.from_volume(flat), dtype=target.dtype, background=spec.background, method=method)


def read_stack(stack: Stack) -> Volume:
    """A stack as a volume on its natural grid (the hook behind Stack.volume)."""
    sampling, spec = Sampling.of_stack(stack), stack.spec
    plain = not np.any(stack.slopes != 1) and not np.any(stack.intercepts) and stack.padding is None
    if sampling.is_copy and plain and stack.stored_dtype == spec.dtype:
        return Volume(np.array(stack.slab(0, stack.shape[2]), order="F"), spec)
    return Volume(sampling.run(stack, dtype=spec.dtype, background=stack.background), spec)


def gathered(volume: Volume, grid: Grid, *, method: Method) -> Array:
    """Samples on a grid that is oblique to the volume's: full trilinear (or nearest) gather by scipy, float32 out.

    Inside the outer faces the edge value is taken, outside them the background.
    """
    from scipy.ndimage import affine_transform

    relation = np.linalg.inv(volume.grid.affine) @ grid.affine
    nearest = method == "nearest"
    source = volume.array if nearest else volume.array.astype(np.float32)
    values = affine_transform(source, relation[:3, :3], relation[:3, 3], output_shape=grid.shape, order=0 if nearest else 1,
                              mode="nearest", output=source.dtype, prefilter=False)
    inside = np.ones(grid.shape, dtype=bool)
    for n, size in enumerate(volume.grid.shape):
        place = relation[n, 3] + sum(_along(relation[n, m] * np.arange(grid.shape[m]), m) for m in range(3))
        inside &= (place >= -0.5) & (place <= size - 0.5)
    return np.asfortranarray(np.where(inside, values, np.asarray(volume.background, dtype=values.dtype)))


def each_channel(array: Array, function: Callable[[Array], Array]) -> Array:
    """A function of (i, j, k) arrays over every channel of (i, j, k) or (i, j, k, channel)."""
    if array.ndim == 3:
        return function(array)
    return np.asfortranarray(np.stack([function(array[..., n]) for n in range(array.shape[3])], axis=3))


def _along(values: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    return values.reshape([-1 if n == axis else 1 for n in range(3)])


def _line(transfer: Transfer | None) -> tuple[float, float, float, float]:
    one = transfer or Transfer()
    return (one.slope, one.intercept, one.low, one.high)


def _run(lattice: NDArray[np.int64]) -> tuple[slice, slice]:
    """Where a lattice's voxels go, and which source voxels they are: a run of one step up or down."""
    real = np.flatnonzero(lattice >= 0)
    if not len(real):
        return slice(0, 0), slice(0, 0)
    first, last = int(lattice[real[0]]), int(lattice[real[-1]])
    if first <= last:
        return slice(int(real[0]), int(real[-1]) + 1), slice(first, last + 1)
    return slice(int(real[0]), int(real[-1]) + 1), slice(first, last - 1 if last else None, -1)


def _same_span(tables: list[AxisTable], *, size: int) -> list[AxisTable]:
    """Tables of one axis of `size` samples with equally many taps, none of which reads beyond the axis."""
    taps = max(table.taps for table in tables)
    if all(table.taps == taps for table in tables):
        return tables
    widened = []
    for table in tables:
        first = np.minimum(table.first, size - taps)
        ahead = (table.first - first)[:, None]
        weight = np.zeros((len(first), taps), dtype=np.float32)
        np.put_along_axis(weight, ahead + np.arange(table.taps), table.weight, axis=1)
        limits = None if table.limits is None else table.limits + ahead
        widened.append(AxisTable(first, weight, table.rest, limits))
    return widened
