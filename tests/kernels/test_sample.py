"""The kernel against its numpy twin: dense weight matrices and einsum, no line of ours but the tables' definition."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hounsfield.kernels.sample import OUTPUT_DTYPES, SOURCE_DTYPES, AxisTable, SlabWindows, sample

SEEDS = st.integers(0, 2**32 - 1)
PLAIN = (1.0, 0.0, float("-inf"), float("inf"))
LINES = st.sampled_from(
    [
        PLAIN,
        (0.5, -20.0, -100.0, 250.0),
        (2.0, 3.0, float("-inf"), float("inf")),
        (1.0, 0.0, 0.0, 100.0),
    ]
)


def a_table(
    generator: np.random.Generator, *, size: int, count: int, taps: int, limited: bool
) -> AxisTable:
    """A random table: some rows copy, some mix, some are background in part or whole."""
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
    limits = (
        np.stack([start, start + generator.integers(0, taps - start + 1)], axis=1).astype(np.int32)
        if limited
        else None
    )
    return AxisTable(first, weight.astype(np.float32), rest.astype(np.float32), limits)


def along(table: AxisTable, values: np.ndarray, *, axis: int, background: float) -> np.ndarray:
    """One axis through one table, float64."""
    moved = np.moveaxis(values, axis, -1)
    matrix = np.zeros((len(table.first), moved.shape[-1]))
    for n, first in enumerate(table.first):
        matrix[n, first : first + table.taps] = table.weight[n]
    made = np.einsum("...s,ns->...n", moved, matrix) + table.rest * background
    if table.limits is not None:
        for n, (start, stop) in enumerate(table.limits):
            if start < stop and table.rest[n] != 1:
                near = moved[..., table.first[n] + start : table.first[n] + stop]
                low, high = near.min(axis=-1), near.max(axis=-1)
                if table.rest[n]:
                    low, high = np.minimum(low, background), np.maximum(high, background)
                made[..., n] = np.clip(made[..., n], low, high)
    return np.moveaxis(made, -1, axis)


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call of the kernel, and what numpy makes of it."""

    source: np.ndarray
    tables: list[list[AxisTable]]
    slopes: np.ndarray
    intercepts: np.ndarray
    padding: tuple[float, float, float] | None
    background: float
    before: tuple[float, float, float, float]
    after: tuple[float, float, float, float]
    windows: SlabWindows | None

    def kernel(self, dtype: np.dtype, *, threads: int = 1) -> np.ndarray:
        """The kernel's answer."""
        shape = [len(axis[0].first) for axis in self.tables]
        if self.windows is not None:
            shape[2] = len(self.windows.start)
        out = np.full(shape, 77, dtype=dtype, order="F")
        sample(
            self.source,
            out=out,
            tables=self.tables,
            slopes=self.slopes,
            intercepts=self.intercepts,
            padding=self.padding,
            background=self.background,
            before=self.before,
            after=self.after,
            windows=self.windows,
            threads=threads,
        )
        return out

    def twin(self) -> np.ndarray:
        """Numpy's answer, float64: rescale, pad, j, i, k, map, project."""
        values = line(self.source.astype(np.float64) * self.slopes + self.intercepts, self.before)
        if self.padding is not None:
            low, high, air = self.padding
            values = np.where((self.source >= low) & (self.source <= high), air, values)
        planes = []
        for k in range(values.shape[2]):
            ti, tj = (tables[min(k, len(tables) - 1)] for tables in self.tables[:2])
            plane = along(tj, values[:, :, k], axis=1, background=self.background)
            planes.append(along(ti, plane, axis=0, background=self.background))
        made = line(
            along(self.tables[2][0], np.stack(planes, axis=2), axis=2, background=self.background),
            self.after,
        )
        if self.windows is None:
            return made
        join = {"max": np.max, "min": np.min, "mean": np.mean}[self.windows.statistic]
        return np.stack(
            [
                join(made[:, :, a:b], axis=2)
                for a, b in zip(self.windows.start, self.windows.stop, strict=True)
            ],
            axis=2,
        )


def line(values: np.ndarray, parameters: tuple[float, float, float, float]) -> np.ndarray:
    slope, intercept, low, high = parameters
    return np.clip(values * slope + intercept, low, high)


def slabs(generator: np.random.Generator, count: int) -> SlabWindows:
    """SlabWindows as Slab makes them: of one thickness, cut at the ends, by any stride."""
    thick, stride = int(generator.integers(1, count + 3)), int(generator.integers(1, 3))
    first = np.arange(0, count, stride) - thick // 2
    start, stop = np.clip(first, 0, count - 1), np.clip(first + thick, 1, count)
    return SlabWindows(
        str(generator.choice(["max", "min", "mean"])), start.astype(np.int32), stop.astype(np.int32)
    )


@st.composite
def calls(draw: st.DrawFn, *, dtypes: tuple[np.dtype, ...] = SOURCE_DTYPES) -> Call:
    generator = np.random.default_rng(draw(SEEDS))
    shape = draw(st.tuples(st.integers(1, 11), st.integers(1, 7), st.integers(1, 7)))
    dtype = draw(st.sampled_from(dtypes))
    low, high = (0, 200) if dtype.kind == "u" else (-100, 100)
    source = generator.integers(low, high, shape).astype(dtype)
    if dtype.kind == "f":
        source = source + generator.random(shape).astype(dtype)
    tilt, limited = draw(st.booleans()), draw(st.booleans())
    tables = []
    for axis, size in enumerate(shape):
        count, taps = draw(st.integers(1, 10)), draw(st.integers(1, 6))
        many = shape[2] if tilt and axis < 2 else 1
        tables.append(
            [
                a_table(generator, size=size, count=count, taps=taps, limited=limited)
                for _ in range(many)
            ]
        )
    return Call(
        source=np.asfortranarray(source),
        tables=tables,
        slopes=generator.choice([1.0, 0.5, 2.0], shape[2]),
        intercepts=generator.choice([0.0, -24.0], shape[2]),
        padding=draw(st.sampled_from([None, (-50.0, -10.0, -30.0), (120.0, 255.0, 7.0)])),
        background=draw(st.sampled_from([0.0, -1024.0])),
        before=draw(LINES),
        after=draw(LINES),
        windows=slabs(generator, len(tables[2][0].first)) if draw(st.booleans()) else None,
    )


@settings(max_examples=250)
@given(call=calls())
def test_the_kernel_is_what_numpy_says(call: Call) -> None:
    truth = call.twin()
    assert np.allclose(call.kernel(np.dtype("float32")), truth, atol=2e-3, rtol=1e-5)


@given(
    call=calls(), dtype=st.sampled_from([dtype for dtype in OUTPUT_DTYPES if dtype.kind in "iu"])
)
def test_whole_numbers_are_rounded_and_kept_within_their_range(call: Call, dtype: np.dtype) -> None:
    limits = np.iinfo(dtype)
    truth = np.clip(call.twin(), limits.min, limits.max)
    assert np.abs(call.kernel(dtype).astype(float) - truth).max() <= 0.5 + 2e-3


def test_halves_are_rounded_to_even() -> None:
    source = np.array([-1.5, -0.5, 0.5, 1.5, 2.5, 3.5], np.float32).reshape(6, 1, 1)
    made = Call(
        source=source,
        tables=[[whole(6)], [whole(1)], [whole(1)]],
        slopes=np.ones(1),
        intercepts=np.zeros(1),
        padding=None,
        background=0.0,
        before=PLAIN,
        after=PLAIN,
        windows=None,
    ).kernel(np.dtype("int16"))
    assert made.ravel().tolist() == [-2, 0, 0, 2, 2, 4]


@settings(max_examples=150)
@given(call=calls(), threads=st.integers(2, 5))
def test_the_bits_do_not_depend_on_the_threads(call: Call, threads: int) -> None:
    for dtype in map(np.dtype, ("float32", "int16")):
        assert (
            call.kernel(dtype, threads=1).tobytes() == call.kernel(dtype, threads=threads).tobytes()
        )


@given(call=calls(dtypes=(np.dtype("int16"),)))
def test_strides_and_offsets_of_the_source_do_not_matter(call: Call) -> None:
    bigger = np.full([size + 2 for size in call.source.shape], 999, np.int16, order="F")
    bigger[1:-1, 1:-1, 1:-1] = call.source
    for view in (bigger[1:-1, 1:-1, 1:-1], np.ascontiguousarray(call.source)):
        other = Call(
            **{**{name: getattr(call, name) for name in call.__dataclass_fields__}, "source": view}
        )
        assert (
            other.kernel(np.dtype("float32")).tobytes()
            == call.kernel(np.dtype("float32")).tobytes()
        )


def whole(size: int) -> AxisTable:
    """The table that copies an axis."""
    return AxisTable(
        np.arange(size, dtype=np.int32), np.ones((size, 1), np.float32), np.zeros(size, np.float32)
    )


@pytest.mark.parametrize("dtype", SOURCE_DTYPES, ids=str)
def test_a_copy_is_exact_for_every_source_dtype(dtype: np.dtype) -> None:
    limits = np.iinfo(dtype) if dtype.kind in "iu" else None
    low, high = (
        (-(2**24), 2**24) if limits is None else (max(limits.min, -(2**24)), min(limits.max, 2**24))
    )
    source = np.linspace(low, high, 7 * 3 * 2).astype(dtype).reshape(7, 3, 2)
    call = Call(
        source=source,
        tables=[[whole(7)], [whole(3)], [whole(2)]],
        slopes=np.ones(2),
        intercepts=np.zeros(2),
        padding=None,
        background=0.0,
        before=PLAIN,
        after=PLAIN,
        windows=None,
    )
    assert np.array_equal(call.kernel(np.dtype("float32")), source.astype(np.float32))


def test_what_reads_beyond_its_axis_is_refused() -> None:
    source, out = np.zeros((4, 1, 1), np.int16), np.zeros((4, 1, 1), np.float32, order="F")
    beyond = AxisTable(
        np.arange(1, 5, dtype=np.int32), np.ones((4, 1), np.float32), np.zeros(4, np.float32)
    )
    with pytest.raises(ValueError, match="beyond its axis"):
        sample(
            source,
            out=out,
            tables=[[beyond], [whole(1)], [whole(1)]],
            slopes=np.ones(1),
            intercepts=np.zeros(1),
        )
    before_it = AxisTable(
        np.full(4, -1, np.int32), np.ones((4, 1), np.float32), np.zeros(4, np.float32)
    )
    with pytest.raises(ValueError, match="beyond its axis"):
        sample(
            source,
            out=out,
            tables=[[before_it], [whole(1)], [whole(1)]],
            slopes=np.ones(1),
            intercepts=np.zeros(1),
        )
    with pytest.raises(ValueError, match="output's shape"):
        sample(
            source,
            out=out[:3].copy(order="F"),
            tables=[[whole(4)], [whole(1)], [whole(1)]],
            slopes=np.ones(1),
            intercepts=np.zeros(1),
        )
    with pytest.raises(ValueError, match="per slice"):
        sample(
            source,
            out=out,
            tables=[[whole(4)], [whole(1)], [whole(1)]],
            slopes=np.ones(2),
            intercepts=np.zeros(1),
        )


def test_a_slab_outside_the_planes_is_refused() -> None:
    source, out = np.zeros((1, 1, 4), np.int16), np.zeros((1, 1, 1), np.float32, order="F")
    for start, stop in ((0, 5), (2, 2), (-1, 2)):
        with pytest.raises(ValueError, match="slabs lie inside"):
            sample(
                source,
                out=out,
                tables=[[whole(1)], [whole(1)], [whole(4)]],
                slopes=np.ones(4),
                intercepts=np.zeros(4),
                windows=SlabWindows("max", np.array([start], np.int32), np.array([stop], np.int32)),
            )
