"""Decode, sample, map and project a stack slab by slab in one pass, within a memory budget.

The next slab is decoded on a thread while the current one is sampled.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hounsfield.core.errors import GeometryError, QuantityError
from hounsfield.core.platform import thread_count
from hounsfield.core.spec import Spec
from hounsfield.core.stack import Stack
from hounsfield.core.thread_pool import ThreadPool
from hounsfield.core.volume import Array, Volume
from hounsfield.kernels.sample import OUTPUT_DTYPES, SOURCE_DTYPES, AxisTable, SlabWindows
from hounsfield.kernels.sampler import DEFAULT_SAMPLER, Sampler
from hounsfield.resampling.axes import Method
from hounsfield.resampling.sampling import Sampling
from hounsfield.resampling.tilted_stack import straighten
from hounsfield.resampling.transfer import IDENTITY, Transfer

SLAB_BYTES = 32 << 20
"""Default source bytes decoded at a time: enough for two cores, small compared to a scan."""

WINDOWS_AT_ONCE = 3
"""Slices decoded for a projection, in windows: the least with which a run of planes as long as a
window is projected at once, so that no plane is sampled more than three times."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OnePass:
    """A sampling of a stack, with the value maps and projection of the same kernel call.

    `before` maps source values and `after` sampled ones. `background` is the value outside, after
    `before`; `windows` project along the source's slices; `dtype` is that of the output. About
    `slab_bytes` of the source are in memory at a time, twice that while the next slab is decoded;
    a projection needs the slices of up to three of its windows.
    """

    stack: Stack
    sampling: Sampling
    dtype: np.dtype[Any]
    background: float
    before: Transfer = IDENTITY
    after: Transfer = IDENTITY
    windows: SlabWindows | None = None
    method: Method | None = None
    slab_bytes: int = SLAB_BYTES
    sampler: Sampler = DEFAULT_SAMPLER

    @property
    def shape(self) -> tuple[int, int, int]:
        """The output shape (i, j, k)."""
        i, j, k = (self._source_shape[n] for n in self.sampling.order)
        return (i, j, k)

    @property
    def along(self) -> int:
        """The output axis along which slabs are produced: the axis of the source's slices."""
        return self.sampling.order.index(2)

    def run(self) -> Array:
        """The samples (i, j, k) in memory, Fortran-ordered."""
        shape = self._source_shape
        out = np.empty(shape, dtype=self._kernel_dtype, order="F")
        for start, stop, source in self._sources(planes=shape[2]):
            self._sample(source, start, stop, out)
        self._check(out)
        if out.dtype != self.dtype:
            out = out.astype(self.dtype, order="F")
        return (
            out
            if self.sampling.order == (0, 1, 2)
            else np.asfortranarray(out.transpose(self.sampling.order))
        )

    def slabs(self) -> Iterator[tuple[int, Array]]:
        """Output slabs (i, j, k) in order, each with its first index along `along`."""
        per_plane = self._source_shape[0] * self._source_shape[1] * self._kernel_dtype.itemsize
        for start, stop, source in self._sources(planes=max(1, self.slab_bytes // per_plane)):
            part = np.empty(
                (*self._source_shape[:2], stop - start), dtype=self._kernel_dtype, order="F"
            )
            self._sample(source, start, stop, part, offset=start)
            self._check(part)
            yield start, part.astype(self.dtype, copy=False).transpose(self.sampling.order)

    @property
    def _kernel_dtype(self) -> np.dtype[Any]:
        return self.dtype if self.dtype in OUTPUT_DTYPES else np.dtype(np.float32)

    @property
    def _source_shape(self) -> tuple[int, int, int]:
        """The output shape in the axis order of the source."""
        i, j, k = (axis.size for axis in self.sampling.axes)
        return (i, j, k if self.windows is None else len(self.windows.start))

    def _sources(self, *, planes: int) -> Iterator[tuple[int, int, _Slab]]:
        """Runs of at most `planes` output planes and their decoded slices, one slab ahead."""
        tables = self.sampling.tables(method=self.method)
        slabs = list(self._cut(tables, planes))
        if len(slabs) == 1:
            yield slabs[0].start, slabs[0].stop, slabs[0].decoded(self.stack)
        else:
            with ThreadPool(1) as ahead:
                waiting = ahead.submit(slabs[0].decoded, self.stack)
                for this, following in zip(slabs, [*slabs[1:], None], strict=True):
                    ready = waiting.result()
                    if following is not None:
                        waiting = ahead.submit(following.decoded, self.stack)
                    yield this.start, this.stop, ready
        self.stack.finished()

    def _cut(self, tables: tuple[list[AxisTable], ...], planes: int) -> Iterator[_Slab]:
        """Runs of output planes whose source slices fit the memory budget."""
        (along,) = tables[2]
        count = self._source_shape[2]
        per_slice = self.stack.shape[0] * self.stack.shape[1] * self.stack.stored_dtype.itemsize
        most = (
            self.stack.shape[2]
            if self.stack.in_memory
            else max(1, self.slab_bytes // max(1, per_slice))
        )
        used = along.weight.any(axis=1)  # rest may exceed 1 where weights are negative
        first = np.where(used, along.first, np.iinfo(np.int32).max)
        last = np.where(used, along.first + along.taps, 0)
        if planes >= count and most >= self.stack.shape[2]:
            low, high = self._slices(first, last, 0, count)
            span = self._planes(0, count)
            yield _Slab(start=0, stop=count, low=low, high=high, tables=tables, planes=span)
            return
        start = 0
        if self.windows is not None:
            planes = max(planes, self.windows.block)  # else each plane is sampled for every window
        while start < count:
            stop = start + 1
            low, high = self._slices(first, last, start, stop)
            limit = most if self.windows is None else max(most, WINDOWS_AT_ONCE * (high - low))
            while stop < min(count, start + planes):
                wider = self._slices(first, last, start, stop + 1)
                if wider[1] - wider[0] > limit and high > low:
                    break
                (low, high), stop = wider, stop + 1
            span = self._planes(start, stop)
            yield _Slab(start=start, stop=stop, low=low, high=high, tables=tables, planes=span)
            start = stop

    def _planes(self, start: int, stop: int) -> tuple[int, int]:
        """The sampled planes that output planes start to stop depend on."""
        if self.windows is None:
            return start, stop
        block = self.windows.block
        return int(self.windows.start[start]) // block * block, int(self.windows.stop[stop - 1])

    def _slices(self, first: Array, last: Array, start: int, stop: int) -> tuple[int, int]:
        begin, end = self._planes(start, stop)
        low, high = int(first[begin:end].min()), int(last[begin:end].max())
        return (low, high) if high > 0 else (0, 0)

    def _sample(self, slab: _Slab, start: int, stop: int, out: Array, *, offset: int = 0) -> None:
        low, high = slab.low, max(slab.high, slab.low + 1)
        windows = (
            None if self.windows is None else self.windows.cut(start, stop, origin=slab.planes[0])
        )
        padding = (
            None
            if self.stack.padding is None
            else (*self.stack.padding, self.before(self.stack.background))
        )
        assert slab.source is not None
        self.sampler.sample(
            slab.source,
            out=out[:, :, start - offset : stop - offset],
            tables=slab.cut_tables(),
            slopes=self.stack.slopes[low:high],
            intercepts=self.stack.intercepts[low:high],
            padding=padding,
            background=self.background,
            before=_line(self.before),
            after=_line(self.after),
            windows=windows,
            threads=thread_count(),
        )

    def _check(self, out: Array) -> None:
        """Raise if rescaled values may exceed int16, which would clip them silently."""
        if self.dtype != np.int16 or not self.stack.may_exceed_int16 or not out.size:
            return
        if int(out.max()) == 32767 or int(out.min()) == -32768:
            raise QuantityError("rescaled values reach the limits of int16; use dtype='float32'")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Slab:
    """Output planes start to stop, and the source slices low to high that they need."""

    start: int
    stop: int
    low: int
    high: int
    planes: tuple[int, int]
    tables: tuple[list[AxisTable], ...]
    source: Array | None = None

    def decoded(self, stack: Stack) -> _Slab:
        """The slab with its voxels; one empty slice if all of it is background."""
        if self.high <= self.low:
            source = np.zeros((*stack.shape[:2], 1), dtype=stack.stored_dtype, order="F")
        else:
            source = stack.slab(self.low, self.high)
        if source.dtype not in SOURCE_DTYPES:
            source = source.astype(np.float32, order="F")
        return replace(self, source=source)

    def cut_tables(self) -> list[list[AxisTable]]:
        """The tables restricted to the slices and planes of the slab."""
        begin, end = self.planes
        count = max(self.high, self.low + 1) - self.low
        along = self.tables[2][0]
        first = along.first[begin:end] - self.low
        weight = along.weight[begin:end]
        limits = None if along.limits is None else along.limits[begin:end]
        taps = min(along.taps, count)
        moved = np.clip(
            first, 0, count - taps
        )  # taps without weight may be outside the decoded slices
        tap = np.arange(taps) + (moved - first)[:, None]
        exists = (tap >= 0) & (tap < along.taps)
        shifted = np.take_along_axis(weight, np.clip(tap, 0, along.taps - 1), axis=1)
        kept = np.where(exists, shifted, 0)
        if limits is not None:
            limits = np.clip(limits - (moved - first)[:, None], 0, taps).astype(np.int32)
        table = AxisTable(
            moved.astype(np.int32), kept.astype(np.float32), along.rest[begin:end], limits
        )
        across = [
            tables if len(tables) == 1 else tables[self.low : self.low + count]
            for tables in self.tables[:2]
        ]
        return [*across, [table]]


def sample_volume(
    volume: Volume, sampling: Sampling, *, spec: Spec, method: Method | None = None
) -> Volume:
    """Resample a volume: an exact copy if nothing is interpolated, else float32."""
    if sampling.is_copy:
        array = sampling.copied(volume.array, background=volume.spec.outside)
    elif spec.channels:
        array = np.empty(spec.shape, dtype=spec.dtype, order="F")
        for n in range(len(spec.channels)):
            part = sample_volume(volume.channel(n), sampling, spec=spec.channel(n), method=method)
            array[..., n] = part.array
    elif sampling.is_picking and volume.spec.dtype not in OUTPUT_DTYPES:
        # The kernel would convert these dtypes through float32.
        array = sampling.picked(volume.array, background=volume.background)
    else:
        once = OnePass(
            stack=Stack.from_volume(volume),
            sampling=sampling,
            dtype=spec.dtype,
            background=volume.background,
            method=method,
        )
        array = once.run()
    if array.dtype != spec.dtype:
        raise GeometryError(f"sampled dtype is {array.dtype}, expected {spec.dtype}")
    return Volume(array, spec)


def read_stack(stack: Stack) -> Volume:
    """Read a stack as a volume on its natural grid, with its diagnostics and source."""
    volume = _sampled(stack)
    return replace(volume, diagnostics=stack.finished(), source=stack.source)


def _sampled(stack: Stack) -> Volume:
    sampling, spec = straighten(stack), stack.spec
    if sampling.is_copy and stack.is_raw and stack.stored_dtype == spec.dtype:
        array = stack.slab(0, stack.shape[2])
        return Volume(
            np.array(array, order="F")
            if not array.flags.writeable or array.base is not None
            else array,
            spec,
        )
    finished = (
        getattr(stack.decode, "rescaled", None)
        if sampling.is_copy and spec.dtype == np.int16
        else None
    )
    if finished is not None:
        array = finished(
            slopes=stack.slopes,
            intercepts=stack.intercepts,
            padding=stack.padding,
            background=stack.background,
        )
        if array is not None:
            return Volume(array, spec)
    once = OnePass(stack=stack, sampling=sampling, dtype=spec.dtype, background=stack.background)
    try:
        return Volume(once.run(), spec)
    except QuantityError:
        wide = np.dtype(np.float32)
        return Volume(replace(once, dtype=wide).run(), spec.replaced(dtype=wide))


def _line(transfer: Transfer) -> tuple[float, float, float, float]:
    return (transfer.slope, transfer.intercept, transfer.low, transfer.high)
