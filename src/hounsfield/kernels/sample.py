"""The one pass as a call: stored values in, sampled, mapped and projected values out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

import hounsfield.kernels.native as native
from hounsfield.core.errors import GeometryError
from hounsfield.core.platform import thread_count

Statistic = Literal["max", "min", "mean"]
_STATISTICS = {None: 0, "max": 1, "min": 2, "mean": 3}
_LINE = (1.0, 0.0, float("-inf"), float("inf"))

SOURCE_DTYPES = tuple(
    np.dtype(name)
    for name in ("int8", "uint8", "int16", "uint16", "int32", "uint32", "float32", "float64")
)
"""What the kernel reads; whole numbers beyond 2**24 lose their last digits in float32."""

MOST_TAPS = 4096
"""How many voxels of an axis one sample can weigh (most_taps of sample.cpp)."""

OUTPUT_DTYPES = tuple(np.dtype(name) for name in ("float32", "int16", "uint8"))
"""What the kernel writes: whole numbers are rounded half to even and kept within the type's range."""


@dataclass(frozen=True, slots=True, eq=False)
class AxisTable:
    """Weights of an output axis: sample n is sum over t of weight[n, t] * source[first[n] + t] + rest[n] * background.

    `limits` (n, 2), where there is one, are the taps (start, stop) whose least and greatest bound the result.
    Shapes: first (n,) int32; weight (n, taps) float32; rest (n,) float32; limits (n, 2) int32.
    """

    first: NDArray[np.int32]
    weight: NDArray[np.float32]
    rest: NDArray[np.float32]
    limits: NDArray[np.int32] | None = None

    @property
    def taps(self) -> int:
        """How many neighbouring source samples one output sample weighs."""
        return int(self.weight.shape[1])


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """Windows of planes for a projection: plane `start[n]` up to but not including `stop[n]`, in order.

    `block` is the length of the blocks that sums are gathered in: that of the longest window, but for a cut-out of
    windows, which keeps the blocks of the whole, so that means have the same bits.
    """

    statistic: Statistic
    start: NDArray[np.int32]
    stop: NDArray[np.int32]
    block: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "block", self.block or int((self.stop - self.start).max()))

    def cut(self, start: int, stop: int, *, origin: int) -> Windows:
        """Windows start to stop, over planes that are counted from `origin`."""
        starts, stops = (ends[start:stop] - np.int32(origin) for ends in (self.start, self.stop))
        return Windows(self.statistic, starts, stops, self.block)


def sample(
    source: NDArray[Any],
    out: NDArray[Any],
    *,
    tables: Sequence[Sequence[AxisTable]],
    slopes: NDArray[np.float64],
    intercepts: NDArray[np.float64],
    padding: tuple[float, float, float] | None = None,
    background: float = 0.0,
    before: tuple[float, float, float, float] = _LINE,
    after: tuple[float, float, float, float] = _LINE,
    windows: Windows | None = None,
    threads: int | None = None,
) -> None:
    """Fill `out` (i, j, k), Fortran-ordered, from `source` (i, j, k) in one pass.

    tables: for i, j and k, one AxisTable, or for i and j one per source slice. slopes, intercepts (k,): the rescale
    of each source slice. padding: stored values from the first to the second become the third. before, after:
    clamped lines (slope, intercept, low, high) on the values read and on the samples made. windows: a projection of
    the sampled planes. Dtype in: SOURCE_DTYPES; out: OUTPUT_DTYPES; sums in float32. Raises ValueError where the
    shapes do not fit together.
    """
    if source.strides[0] != source.itemsize and source.shape[0] > 1:
        source = np.asfortranarray(source)
    empty = np.zeros(0, dtype=np.int32)
    native.sample(
        source,
        np.ascontiguousarray(slopes, dtype=np.float32),
        np.ascontiguousarray(intercepts, dtype=np.float32),
        before,
        _clipped(padding, source.dtype),
        *(_packed(axis) for axis in tables),
        background,
        after,
        _STATISTICS[windows.statistic if windows else None],
        windows.start if windows else empty,
        windows.stop if windows else empty,
        windows.block if windows else 0,
        out,
        threads or thread_count(),
    )


def _packed(tables: Sequence[AxisTable]) -> tuple[NDArray[Any], ...]:
    """One or several tables as arrays with a leading axis; taps and first are widened to the widest of them."""
    taps = max(table.taps for table in tables)
    if taps > MOST_TAPS:
        raise GeometryError(
            f"one sample would weigh {taps} voxels, and {MOST_TAPS} are the most: resample in two steps"
        )
    weight = np.zeros((len(tables), len(tables[0].first), taps), dtype=np.float32)
    for packed, table in zip(weight, tables, strict=True):
        packed[:, : table.taps] = table.weight
    limited = [table.limits for table in tables if table.limits is not None]
    limits = np.stack(limited) if limited else np.zeros((len(tables), 0, 2), dtype=np.int32)
    return (
        np.ascontiguousarray(np.stack([table.first for table in tables])),
        weight,
        np.ascontiguousarray(np.stack([table.rest for table in tables])),
        np.ascontiguousarray(limits),
    )


def _clipped(
    padding: tuple[float, float, float] | None, dtype: np.dtype[Any]
) -> tuple[float, float, float] | None:
    """The padding range within what the dtype can hold, or None where it holds none of it."""
    if padding is None or dtype.kind not in "iu":
        return padding
    limits = np.iinfo(dtype)
    low, high = max(np.ceil(padding[0]), limits.min), min(np.floor(padding[1]), limits.max)
    return (float(low), float(high), padding[2]) if low <= high else None
