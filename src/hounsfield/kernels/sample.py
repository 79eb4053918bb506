"""Call the sampling kernel: rescale, interpolate, map and project stored values in one pass."""

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
"""Dtypes that the kernel reads; integers beyond 2**24 are rounded to float32."""

MOST_TAPS = 4096
"""Most voxels along an axis that contribute to one sample (most_taps of sample_types.h)."""

OUTPUT_DTYPES = tuple(np.dtype(name) for name in ("float32", "int16", "uint8"))
"""Dtypes that the kernel writes; integers are rounded half to even and clipped to their range."""


@dataclass(frozen=True, slots=True, eq=False)
class AxisTable:
    """Interpolation weights of an output axis.

    Sample n is sum over t of weight[n, t] * source[first[n] + t], plus rest[n] * background. If
    `limits` is given, sample n is clamped to the minimum and maximum of its taps limits[n, 0] up to
    limits[n, 1]. Shapes: first (n,) int32; weight (n, taps) float32; rest (n,) float32; limits
    (n, 2) int32.
    """

    first: NDArray[np.int32]
    weight: NDArray[np.float32]
    rest: NDArray[np.float32]
    limits: NDArray[np.int32] | None = None

    @property
    def taps(self) -> int:
        """Number of source samples that contribute to one output sample."""
        return int(self.weight.shape[1])


@dataclass(frozen=True, slots=True, eq=False)
class SlabWindows:
    """Windows of planes for a projection: planes `start[n]` to `stop[n]` (exclusive), in order.

    `block` is the block length of running sums: the length of the longest window. A subset of
    windows keeps the block length of the full set, so that its means are bit-identical.
    """

    statistic: Statistic
    start: NDArray[np.int32]
    stop: NDArray[np.int32]
    block: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "block", self.block or int((self.stop - self.start).max()))

    def cut(self, start: int, stop: int, *, origin: int) -> SlabWindows:
        """Return windows `start` to `stop`, with planes counted from `origin`."""
        starts, stops = (ends[start:stop] - np.int32(origin) for ends in (self.start, self.stop))
        return SlabWindows(self.statistic, starts, stops, self.block)


def sample(
    source: NDArray[Any],
    *,
    out: NDArray[Any],
    tables: Sequence[Sequence[AxisTable]],
    slopes: NDArray[np.float64],
    intercepts: NDArray[np.float64],
    padding: tuple[float, float, float] | None = None,
    background: float = 0.0,
    before: tuple[float, float, float, float] = _LINE,
    after: tuple[float, float, float, float] = _LINE,
    windows: SlabWindows | None = None,
    threads: int | None = None,
) -> None:
    """Fill `out` from `source` in one pass over the voxels.

    Parameters
    ----------
    source
        Stored values (i, j, k) of one of SOURCE_DTYPES.
    out
        The output (i, j, k), Fortran-ordered, of one of OUTPUT_DTYPES; sums are float32.
    tables
        For i, j and k one AxisTable each; for i and j also one for each source slice.
    slopes, intercepts
        The rescale of each source slice, (k,).
    padding
        Stored values from the first to the second (inclusive) become the third, a value after
        `before`.
    background
        The value outside the source, after `before`.
    before, after
        Clamped linear functions (slope, intercept, low, high) of the rescaled values and of the
        interpolated samples.
    windows
        A projection of the sampled planes.
    threads
        Maximum number of threads; `thread_count()` if None. The result does not depend on it.

    Raises
    ------
    ValueError
        If the shapes do not match, or a table reads beyond its axis.
    MemoryError
        If a thread cannot allocate its working planes.
    """
    if source.strides[0] != source.itemsize and source.shape[0] > 1:
        source = np.asfortranarray(source)
    empty = np.zeros(0, dtype=np.int32)
    axis_i, axis_j, axis_k = (_packed(axis) for axis in tables)
    native.sample(
        source,
        np.ascontiguousarray(slopes, dtype=np.float32),
        np.ascontiguousarray(intercepts, dtype=np.float32),
        before,
        _clipped(padding, source.dtype),
        axis_i,
        axis_j,
        axis_k,
        background,
        after,
        _STATISTICS[windows.statistic if windows else None],
        windows.start if windows else empty,
        windows.stop if windows else empty,
        windows.block if windows else 0,
        out,
        threads or thread_count(),
    )


def _packed(
    tables: Sequence[AxisTable],
) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32], NDArray[np.int32]]:
    """Tables as arrays with a leading axis, padded to the same number of taps."""
    if not tables:
        raise ValueError("an axis has no table")
    taps = max(table.taps for table in tables)
    if taps > MOST_TAPS:
        raise GeometryError(
            f"one sample needs {taps} voxels along an axis; at most {MOST_TAPS} are supported: "
            "resample in two steps"
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
    """The padding range limited to the range of the dtype, or None if they do not overlap."""
    if padding is None or dtype.kind not in "iu":
        return padding
    limits = np.iinfo(dtype)
    low, high = max(np.ceil(padding[0]), limits.min), min(np.floor(padding[1]), limits.max)
    return (float(low), float(high), padding[2]) if low <= high else None
