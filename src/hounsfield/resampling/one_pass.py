"""One pass over the voxels: slices are decoded just before they are needed, sampled, mapped, projected, and dropped.

The pass runs slab by slab along the source's slices, so that what it holds at a time is bounded by a budget and not
by the scan; the next slab is decoded on a thread while this one is sampled.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hounsfield.core.errors import GeometryError, QuantityError
from hounsfield.core.spec import Spec
from hounsfield.core.stack import Stack
from hounsfield.core.volume import Array, Volume
from hounsfield.kernels.sample import OUTPUT_DTYPES, SOURCE_DTYPES, AxisTable, Windows, sample
from hounsfield.resampling.axes import Method
from hounsfield.resampling.sampling import Sampling
from hounsfield.resampling.transfer import IDENTITY, Transfer

SLAB_BYTES = 32 << 20
"""Source bytes decoded at a time where nobody sets a budget: enough for both cores, little beside any scan."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OnePass:
    """A sampling of a stack with all that goes into the same kernel call.

    `background` is what lies outside, of the values after `before`; `windows` project along the source's slices;
    `dtype` comes out. Slabs of about `slab_bytes` of the source are held at a time, two while decoding overlaps.
    """

    stack: Stack
    sampling: Sampling
    dtype: np.dtype[Any]
    background: float
    before: Transfer = IDENTITY
    after: Transfer = IDENTITY
    windows: Windows | None = None
    method: Method | None = None
    slab_bytes: int = SLAB_BYTES

    @property
    def shape(self) -> tuple[int, int, int]:
        """The shape that comes out, in the output's order of axes."""
        i, j, k = (self._source_shape[n] for n in self.sampling.order)
        return (i, j, k)

    @property
    def along(self) -> int:
        """The output axis along which slabs come: that which the source's slices lie along."""
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
        """Slabs of the output in order, each with its first index along `along`; a slab is (i, j, k), any memory order."""
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
        """The output's shape in the source's order of axes."""
        i, j, k = (axis.size for axis in self.sampling.axes)
        return (i, j, k if self.windows is None else len(self.windows.start))

    def _sources(self, *, planes: int) -> Iterator[tuple[int, int, _Slab]]:
        """Output planes (start, stop), at most `planes`, and the slices that they need, decoded one slab ahead."""
        tables = self.sampling.tables(method=self.method)
        slabs = list(self._cut(tables, planes))
        if len(slabs) == 1:
            yield slabs[0].start, slabs[0].stop, slabs[0].decoded(self.stack)
        else:
            with ThreadPoolExecutor(1) as ahead:
                waiting = ahead.submit(slabs[0].decoded, self.stack)
                for this, following in zip(slabs, [*slabs[1:], None], strict=True):
                    ready = waiting.result()
                    if following is not None:
                        waiting = ahead.submit(following.decoded, self.stack)
                    yield this.start, this.stop, ready
        self.stack.finished()

    def _cut(self, tables: tuple[list[AxisTable], ...], planes: int) -> Iterator[_Slab]:
        """Runs of output planes whose source slices fit the budget; a projection is cut where its blocks begin."""
        (along,) = tables[2]
        count = self._source_shape[2]
        per_slice = self.stack.shape[0] * self.stack.shape[1] * self.stack.stored_dtype.itemsize
        most = (
            self.stack.shape[2]
            if self.stack.in_memory
            else max(1, self.slab_bytes // max(1, per_slice))
        )
        used = along.rest < 1
        first = np.where(used, along.first, np.iinfo(np.int32).max)
        last = np.where(used, along.first + along.taps, 0)
        if planes >= count and most >= self.stack.shape[2]:
            low, high = self._slices(first, last, 0, count)
            yield _Slab(
                start=0,
                stop=count,
                low=low,
                high=high,
                tables=tables,
                planes=self._planes(0, count),
            )
            return
        start = 0
        while start < count:
            stop = start + 1
            low, high = self._slices(first, last, start, stop)
            while stop < min(count, start + planes):
                wider = self._slices(first, last, start, stop + 1)
                if wider[1] - wider[0] > most and high > low:
                    break
                (low, high), stop = wider, stop + 1
            yield _Slab(
                start=start,
                stop=stop,
                low=low,
                high=high,
                tables=tables,
                planes=self._planes(start, stop),
            )
            start = stop

    def _planes(self, start: int, stop: int) -> tuple[int, int]:
        """The sampled planes that output planes start to stop are projected from."""
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
        sample(
            slab.source,
            out[:, :, start - offset : stop - offset],
            tables=slab.cut_tables(),
            slopes=self.stack.slopes[low:high],
            intercepts=self.stack.intercepts[low:high],
            padding=padding,
            background=self.background,
            before=_line(self.before),
            after=_line(self.after),
            windows=windows,
        )

    def _check(self, out: Array) -> None:
        """Raise where a rescale may have left the range of int16, which would clip values silently."""
        if self.dtype != np.int16 or not self.stack.may_exceed_int16 or not out.size:
            return
        if int(out.max()) == 32767 or int(out.min()) == -32768:
            raise QuantityError("rescaled values reach the ends of int16: ask for dtype='float32'")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Slab:
    """Output planes start to stop, source slices low to high, and sampled planes that they need."""

    start: int
    stop: int
    low: int
    high: int
    planes: tuple[int, int]
    tables: tuple[list[AxisTable], ...]
    source: Array | None = None

    def decoded(self, stack: Stack) -> _Slab:
        """The same with its voxels; where all is background, one slice of anything."""
        if self.high <= self.low:
            source = np.zeros((*stack.shape[:2], 1), dtype=stack.stored_dtype, order="F")
        else:
            source = stack.slab(self.low, self.high)
        if source.dtype not in SOURCE_DTYPES:
            source = source.astype(np.float32, order="F")
        return replace(self, source=source)

    def cut_tables(self) -> list[list[AxisTable]]:
        """The tables for these slices and planes alone."""
        begin, end = self.planes
        count = max(self.high, self.low + 1) - self.low
        along = self.tables[2][0]
        first = along.first[begin:end] - self.low
        weight = along.weight[begin:end]
        limits = None if along.limits is None else along.limits[begin:end]
        taps = min(along.taps, count)
        moved = np.clip(first, 0, count - taps)  # taps of no weight may lie beyond what was decoded
        places = np.arange(taps) + (moved - first)[:, None]
        there = (places >= 0) & (places < along.taps)
        kept = np.where(
            there, np.take_along_axis(weight, np.clip(places, 0, along.taps - 1), axis=1), 0
        )
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
    """A volume through a sampling: copied bit for bit where nothing is interpolated, else interpolated as float32."""
    if sampling.is_copy:
        array = sampling.copied(volume.array, background=volume.spec.outside)
    elif spec.channels:
        parts = [
            sample_volume(volume.channel(n), sampling, spec=spec.channel(n), method=method).array
            for n in range(len(spec.channels))
        ]
        array = np.asfortranarray(np.stack(parts, axis=3))
    elif (
        sampling.is_picking and volume.spec.dtype not in OUTPUT_DTYPES
    ):  # the kernel would go through float32
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
        raise GeometryError(f"sampling gave {array.dtype} where {spec.dtype} was planned")
    return Volume(array, spec)


def read_stack(stack: Stack) -> Volume:
    """A stack as a volume on its natural grid, with its diagnostics and source (the hook behind Stack.volume)."""
    volume = _sampled(stack)
    return replace(volume, diagnostics=stack.finished(), source=stack.source)


def _sampled(stack: Stack) -> Volume:
    sampling, spec = Sampling.of_stack(stack), stack.spec
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
