"""The plain numpy sampler, which is the oracle of every other, and random calls of a sampler."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import DTypeLike, NDArray

from hounsfield.kernels.sample import SOURCE_DTYPES, AxisTable, SlabWindows
from hounsfield.kernels.sampler import Sampler

Line = tuple[float, float, float, float]
UNCHANGED: Line = (1.0, 0.0, float("-inf"), float("inf"))
LINES = st.sampled_from(
    [
        UNCHANGED,
        (0.5, -20.0, -100.0, 250.0),
        (2.0, 3.0, float("-inf"), float("inf")),
        (1.0, 0.0, 0.0, 100.0),
    ]
)
"""Clamped lines, as `before` and `after` take them."""


class NumpySampler:
    """Sample by dense weight matrices in float64: slow, and easy to verify.

    Examples
    --------
    >>> callable(NumpySampler().sample)
    True
    """

    def sample(
        self,
        source: NDArray[Any],
        *,
        slopes: NDArray[np.float64],
        intercepts: NDArray[np.float64],
        before: Line,
        padding: tuple[float, float, float] | None,
        tables: Sequence[Sequence[AxisTable]],
        background: float,
        after: Line,
        windows: SlabWindows | None,
        out: NDArray[Any],
        threads: int,
    ) -> None:
        """Fill `out` in the order of `Sampler.sample`: rescale, pad, j, i, k, map, project.

        Parameters
        ----------
        source : ndarray, (i, j, k)
            Stored values.
        slopes, intercepts : ndarray of float64, (k,)
            Rescale of each slice.
        before : (float, float, float, float)
            Slope, intercept, low and high of the clamped line that is applied before sampling.
        padding : (float, float, float) or None
            Lowest and highest stored value of padding, and what it becomes.
        tables : sequence of sequence of AxisTable
            Weights along i, j and k; one for all slices, or one for each.
        background : float
            Value outside of the source.
        after : (float, float, float, float)
            The clamped line that is applied after sampling.
        windows : SlabWindows or None
            Slabs to project along k.
        out : ndarray
            The output, filled in place.
        threads : int
            Ignored.
        """
        values = _mapped(source.astype(np.float64) * slopes + intercepts, before)
        if padding is not None:
            low, high, air = padding
            values = np.where((source >= low) & (source <= high), air, values)
        planes = []
        for k in range(values.shape[2]):
            ti, tj = (each[min(k, len(each) - 1)] for each in tables[:2])
            plane = _along(tj, values[:, :, k], axis=1, background=background)
            planes.append(_along(ti, plane, axis=0, background=background))
        made = _along(tables[2][0], np.stack(planes, axis=2), axis=2, background=background)
        out[...] = _stored(_projected(_mapped(made, after), windows), out.dtype)


def _along(
    table: AxisTable, values: NDArray[np.float64], *, axis: int, background: float
) -> NDArray[np.float64]:
    """One axis through one table, float64."""
    moved = np.moveaxis(values, axis, -1)
    matrix = np.zeros((len(table.first), moved.shape[-1]))
    for n, first in enumerate(table.first):
        matrix[n, first : first + table.taps] = table.weight[n]
    made = np.einsum("...s,ns->...n", moved, matrix) + table.rest * background
    for n, (start, stop) in enumerate([] if table.limits is None else table.limits):
        if start < stop and table.rest[n] != 1:
            near = moved[..., table.first[n] + start : table.first[n] + stop]
            low, high = near.min(axis=-1), near.max(axis=-1)
            if table.rest[n]:
                low, high = np.minimum(low, background), np.maximum(high, background)
            made[..., n] = np.clip(made[..., n], low, high)
    return np.moveaxis(made, -1, axis)


def _mapped(values: NDArray[np.float64], line: Line) -> NDArray[np.float64]:
    slope, intercept, low, high = line
    return np.clip(values * slope + intercept, low, high)


def _projected(values: NDArray[np.float64], windows: SlabWindows | None) -> NDArray[np.float64]:
    if windows is None:
        return values
    joins: dict[str, Callable[..., Any]] = {"max": np.max, "min": np.min, "mean": np.mean}
    join = joins[windows.statistic]
    bounds = zip(windows.start, windows.stop, strict=True)
    return np.stack([join(values[:, :, start:stop], axis=2) for start, stop in bounds], axis=2)


def _stored(values: NDArray[np.float64], dtype: np.dtype[Any]) -> NDArray[Any]:
    if dtype.kind not in "iu":
        return values
    limits = np.iinfo(dtype)
    return np.clip(np.rint(values), limits.min, limits.max)


@dataclass(frozen=True, kw_only=True)
class SamplerCall:
    """Hold the arguments of one call of a sampler.

    Parameters
    ----------
    source : ndarray, (i, j, k)
        Stored values.
    tables : list of list of AxisTable
        Weights along i, j and k.
    slopes : ndarray of float64, (k,)
        Rescale slope of each slice.
    intercepts : ndarray of float64, (k,)
        Rescale intercept of each slice.
    padding : (float, float, float), optional
        Lowest and highest stored value of padding, and what it becomes.
    background : float, default 0
        Value outside of the source.
    before : (float, float, float, float)
        Slope, intercept, low and high of the line before sampling (default: unchanged).
    after : (float, float, float, float)
        The same after sampling.
    windows : SlabWindows, optional
        Slabs to project along k.

    Examples
    --------
    >>> from hypothesis import given
    >>> @given(call=sampler_calls())
    ... def test_numpy_fills_the_output(call):
    ...     assert np.isfinite(call.result(NumpySampler())).all()
    """

    source: NDArray[Any]
    tables: list[list[AxisTable]]
    slopes: NDArray[np.float64]
    intercepts: NDArray[np.float64]
    padding: tuple[float, float, float] | None = None
    background: float = 0.0
    before: Line = UNCHANGED
    after: Line = UNCHANGED
    windows: SlabWindows | None = None

    def result(
        self, sampler: Sampler, dtype: DTypeLike = np.float32, *, threads: int = 1
    ) -> NDArray[Any]:
        """Call a sampler.

        Parameters
        ----------
        sampler : Sampler
            The sampler.
        dtype : dtype_like, default float32
            Type of the output.
        threads : int, default 1
            Most threads.

        Returns
        -------
        ndarray
            The output, of an array that was full of 77.
        """
        shape = [len(axis[0].first) for axis in self.tables]
        if self.windows is not None:
            shape[2] = len(self.windows.start)
        out = np.full(shape, 77, dtype=dtype, order="F")
        sampler.sample(
            self.source,
            slopes=self.slopes,
            intercepts=self.intercepts,
            before=self.before,
            padding=self.padding,
            tables=self.tables,
            background=self.background,
            after=self.after,
            windows=self.windows,
            out=out,
            threads=threads,
        )
        return out


@st.composite
def sampler_calls(
    draw: st.DrawFn, *, dtypes: tuple[np.dtype[Any], ...] = SOURCE_DTYPES
) -> SamplerCall:
    """Draw calls of up to 11 x 7 x 7 voxels: tilted or not, padded or not, projected or not.

    Parameters
    ----------
    dtypes : tuple of numpy.dtype
        Dtypes of the source to draw from.

    Returns
    -------
    SearchStrategy of SamplerCall
        A strategy for `hypothesis.given`.

    Examples
    --------
    >>> from hypothesis import given
    >>> @given(call=sampler_calls())
    ... def test_a_call_has_three_axes(call):
    ...     assert len(call.tables) == 3
    """
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = draw(st.tuples(st.integers(1, 11), st.integers(1, 7), st.integers(1, 7)))
    source = _values(generator, shape, draw(st.sampled_from(dtypes)))
    tilt, limited = draw(st.booleans()), draw(st.booleans())
    tables = []
    for axis, size in enumerate(shape):
        count, taps = draw(st.integers(1, 10)), draw(st.integers(1, 6))
        many = shape[2] if tilt and axis < 2 else 1
        tables.append(
            [
                axis_table(generator, size=size, count=count, taps=taps, limited=limited)
                for _ in range(many)
            ]
        )
    return SamplerCall(
        source=np.asfortranarray(source),
        tables=tables,
        slopes=generator.choice([1.0, 0.5, 2.0], shape[2]),
        intercepts=generator.choice([0.0, -24.0], shape[2]),
        padding=draw(st.sampled_from([None, (-50.0, -10.0, -30.0), (120.0, 255.0, 7.0)])),
        background=draw(st.sampled_from([0.0, -1024.0])),
        before=draw(LINES),
        after=draw(LINES),
        windows=_windows(generator, len(tables[2][0].first)) if draw(st.booleans()) else None,
    )


def axis_table(
    generator: np.random.Generator, *, size: int, count: int, taps: int, limited: bool
) -> AxisTable:
    """Make a random table: some rows copy, some mix, some are background in part or whole."""
    taps = min(taps, size)
    first = generator.integers(0, size - taps + 1, count).astype(np.int32)
    weight = generator.uniform(-0.3, 1, (count, taps))
    weight[generator.random((count, taps)) < 0.3] = 0
    rest = np.where(generator.random(count) < 0.3, generator.random(count), 0.0)
    rest[generator.random(count) < 0.15] = 1
    total = weight.sum(axis=1)
    weight[np.abs(total) < 0.2] = 1 / taps
    weight *= ((1 - rest) / weight.sum(axis=1))[:, None]
    start = generator.integers(0, taps, count)
    stop = start + generator.integers(0, taps - start + 1)
    limits = np.stack([start, stop], axis=1).astype(np.int32) if limited else None
    return AxisTable(first, weight.astype(np.float32), rest.astype(np.float32), limits)


def _values(
    generator: np.random.Generator, shape: tuple[int, int, int], dtype: np.dtype[Any]
) -> NDArray[Any]:
    low, high = (0, 200) if dtype.kind == "u" else (-100, 100)
    values = generator.integers(low, high, shape).astype(dtype)
    return values + generator.random(shape).astype(dtype) if dtype.kind == "f" else values


def _windows(generator: np.random.Generator, count: int) -> SlabWindows:
    """SlabWindows as Slab makes them: of one thickness, cut at the ends, by any stride."""
    thick, stride = int(generator.integers(1, count + 3)), int(generator.integers(1, 3))
    first = np.arange(0, count, stride) - thick // 2
    start, stop = np.clip(first, 0, count - 1), np.clip(first + thick, 1, count)
    statistic = generator.choice(["max", "min", "mean"])
    windows = (start.astype(np.int32), stop.astype(np.int32))
    return SlabWindows(str(statistic), *windows)  # type: ignore[arg-type]
