"""Kernels of labels agree with plain numpy, voxel by voxel, and threads change no bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from hounsfield.kernels import labels, native
from hounsfield.kernels.sample import AxisTable, SlabWindows

DTYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "int64", "bool", "float32")
TIE = 1e-6


def drawn(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> NDArray[np.generic]:
    """Labels in blocks, so that some cells have one value and some have many."""
    coarse = rng.integers(0, 5, [-(-n // 3) for n in shape])
    blocks = np.kron(coarse, np.ones((3, 3, 3), int))[tuple(slice(0, n) for n in shape)]
    noisy = np.where(rng.random(shape) < 0.2, rng.integers(0, 5, shape), blocks)
    values = {"bool": [0, 1, 1, 0, 1], "int64": [0, 2**40, -7, 3, 5], "uint8": [0, 255, 3, 4, 9]}
    signed = [0, 1, 100, 7, 12] if dtype.startswith("u") else [0, 1, -100, 7, 12]
    return np.asfortranarray(np.array(values.get(dtype, signed))[noisy].astype(dtype))


def table(rng: np.random.Generator, size: int, count: int, taps: int, *, padded: bool) -> AxisTable:
    """Weights in eighths, so that ties occur; some samples are partly or wholly background."""
    taps = min(taps, size)
    weight = rng.integers(0, 4, (count, taps)) / 8.0
    weight[weight.sum(axis=1) == 0, 0] = 0.125
    rest = rng.integers(0, 3, count) / 8.0 * padded
    weight[rest == 0.25] = 0
    rest[rest == 0.25] = 1.0
    total = weight.sum(axis=1) / (1 - np.where(rest == 1, 0, rest))
    weight /= np.where(total > 0, total, 1)[:, None]
    first = rng.integers(0, size - taps + 1, count)
    return AxisTable(first.astype(np.int32), weight.astype(np.float32), rest.astype(np.float32))


def dense(one: AxisTable, size: int) -> NDArray[np.float64]:
    """The weights (sample, source index) of a table."""
    matrix = np.zeros((len(one.first), size))
    for n, start in enumerate(one.first):
        matrix[n, start : start + one.taps] = one.weight[n]
    return matrix


def largest_share(
    source: NDArray[np.generic], tables: list[list[AxisTable]], background: float
) -> NDArray[np.generic]:
    """The definition: the shares of all labels, and the lowest of those with the largest one."""
    values = np.unique(np.append(source.ravel(), np.array(background, source.dtype)))
    size_i, size_j, size_k = source.shape
    along = dense(tables[2][0], size_k)
    shares = np.zeros((len(values), *(len(axis[0].first) for axis in tables)))
    for s in range(size_k):
        of_i = dense(tables[0][s if len(tables[0]) > 1 else 0], size_i)
        of_j = dense(tables[1][s if len(tables[1]) > 1 else 0], size_j)
        for n, value in enumerate(values):
            plane = of_i @ (source[:, :, s] == value).astype(float) @ of_j.T
            if value == background:
                plane += 1 - of_i.sum(axis=1)[:, None] * of_j.sum(axis=1)
            shares[n] += plane[:, :, None] * along[:, s]
    shares[list(values).index(np.array(background, source.dtype))] += 1 - along.sum(axis=1)
    return values[(shares >= shares.max(axis=0) - TIE).argmax(axis=0)]


@given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.tuples(*[st.integers(1, 9)] * 3),
    counts=st.tuples(*[st.integers(1, 8)] * 3),
    taps=st.tuples(*[st.integers(1, 5)] * 3),
    dtype=st.sampled_from(DTYPES),
    padded=st.booleans(),
    per_slice=st.booleans(),
)
def test_each_voxel_has_the_label_with_the_largest_share(
    seed: int,
    shape: tuple[int, int, int],
    counts: tuple[int, int, int],
    taps: tuple[int, int, int],
    dtype: str,
    padded: bool,
    per_slice: bool,
) -> None:
    rng = np.random.default_rng(seed)
    source = drawn(rng, shape, dtype)
    sets = (shape[2] if per_slice else 1, shape[2] if per_slice else 1, 1)
    tables = [
        [table(rng, size, count, tap, padded=padded) for _ in range(number)]
        for size, count, tap, number in zip(shape, counts, taps, sets, strict=True)
    ]
    background = float(rng.choice([0, 1])) if dtype == "bool" else float(rng.choice([0, 7]))
    made = labels.share(source, tables=tables, background=background, threads=1)
    assert made.dtype == source.dtype
    assert made.flags.f_contiguous
    assert np.array_equal(made, largest_share(source, tables, background))
    again = labels.share(source, tables=tables, background=background, threads=5)
    assert made.tobytes("F") == again.tobytes("F")


def test_a_cell_of_many_labels_finds_the_one_that_occurs_twice() -> None:
    source = np.arange(32 * 32 * 8, dtype=np.int32).reshape(32, 32, 8, order="F")
    source[5, 6, 7] = 777
    mean = AxisTable(
        np.zeros(1, np.int32), np.full((1, 32), 1 / 32, np.float32), np.zeros(1, np.float32)
    )
    few = AxisTable(
        np.zeros(1, np.int32), np.full((1, 8), 1 / 8, np.float32), np.zeros(1, np.float32)
    )
    made = labels.share(source, tables=[[mean], [mean], [few]], background=0)
    # 1 / 8,192 more is above the limit of a tie
    assert made.tolist() == [[[777]]]


def test_tables_that_do_not_fit_are_refused() -> None:
    source = np.zeros((4, 4, 4), np.uint8, order="F")
    good = AxisTable(np.zeros(2, np.int32), np.ones((2, 1), np.float32), np.zeros(2, np.float32))
    for first in (-1, 4):
        bad = AxisTable(np.full(2, first, np.int32), good.weight, good.rest)
        for axis in range(3):
            tables = [[bad] if n == axis else [good] for n in range(3)]
            with pytest.raises(ValueError, match="beyond its axis"):
                labels.share(source, tables=tables, background=0)
    with pytest.raises(ValueError, match="cannot differ between slices"):
        labels.share(source, tables=[[good], [good], [good] * 4], background=0)
    with pytest.raises(ValueError, match="do not fit"):
        labels.share(source, tables=[[good] * 3, [good], [good]], background=0)
    packed = (good.first[None], good.weight[None], good.rest[None])
    out = np.zeros((2, 2, 1), np.uint8, order="F")
    with pytest.raises(ValueError, match="shape is not that"):
        native.label_share(source, packed, packed, packed, 0, out, 1)
    wide = (packed[0].astype(np.int64), *packed[1:])
    for bad in (packed[:2], (*packed, packed[0]), (), (None,) * 3, (0, 1, 2), wide):
        with pytest.raises(ValueError, match="another number or type"):
            native.label_share(source, bad, packed, packed, 0, out, 1)


def oblique_share(
    source: NDArray[np.generic],
    relation: NDArray[np.float64],
    shape: tuple[int, int, int],
    points: tuple[int, int, int],
    background: float,
) -> NDArray[np.generic]:
    """The definition: the mean trilinear weight of each label over the points of a cell."""
    values = np.unique(np.append(source.ravel(), np.array(background, source.dtype)))
    shares = np.zeros((len(values), *shape))
    steps = [(np.arange(n) + 0.5) / n - 0.5 for n in points]
    for offset in np.stack(np.meshgrid(*steps, indexing="ij"), axis=-1).reshape(-1, 3):
        index = np.moveaxis(np.indices(shape), 0, -1) + offset
        at = index @ relation[:3, :3].T + relation[:3, 3]
        size = np.array(source.shape)
        outside = ((at < -0.5) | (at > size - 0.5)).any(axis=-1)
        at = np.clip(at, 0, size - 1)
        low = np.floor(at).astype(int)
        part = at - low
        for corner in np.ndindex(2, 2, 2):
            near = source[tuple(np.moveaxis(np.minimum(low + corner, size - 1), -1, 0))]
            weight = np.where(corner, part, 1 - part).prod(axis=-1)
            for n, value in enumerate(values):
                shares[n] += np.where(outside, 0, weight * (near == value))
        shares[list(values).index(np.array(background, source.dtype))] += outside
    return values[(shares >= shares.max(axis=0) - TIE * np.prod(points)).argmax(axis=0)]


@given(
    seed=st.integers(0, 2**32 - 1),
    points=st.tuples(*[st.integers(1, 3)] * 3),
    dtype=st.sampled_from(DTYPES),
)
def test_an_oblique_cell_has_the_label_with_the_largest_share(
    seed: int, points: tuple[int, int, int], dtype: str
) -> None:
    rng = np.random.default_rng(seed)
    source = drawn(rng, tuple(rng.integers(1, rng.choice([7, 26]), 3)), dtype)
    source[:, :, : source.shape[2] // 2] = source[0, 0, 0]  # many cells have one label
    relation = np.eye(4)
    relation[:3, :3] = rng.normal(0, 1, (3, 3))
    relation[:3, 3] = rng.uniform(-2, np.array(source.shape) + 1)
    made = labels.share_oblique(
        source, relation, shape=(4, 5, 3), points=points, background=0, threads=3
    )
    assert made.dtype == source.dtype
    assert np.array_equal(made, oblique_share(source, relation, (4, 5, 3), points, 0))


@given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.tuples(*[st.integers(1, 8)] * 3),
    axis=st.integers(0, 2),
    dtype=st.sampled_from(DTYPES),
)
def test_a_slab_has_the_label_nearest_to_its_centre(
    seed: int, shape: tuple[int, int, int], axis: int, dtype: str
) -> None:
    rng = np.random.default_rng(seed)
    source = drawn(rng, shape, dtype)
    start = np.sort(rng.integers(0, shape[axis], 4)).astype(np.int32)
    stop = np.minimum(start + rng.integers(1, 5, 4), shape[axis]).astype(np.int32)
    made = labels.slab(source, SlabWindows("max", start, stop), axis=axis, background=0)
    planes = np.moveaxis(source, axis, 0)
    for n in range(4):
        nearest = np.zeros_like(planes[0])
        for k in sorted(
            range(start[n], stop[n]), key=lambda k: abs(2 * k - start[n] - stop[n] + 1)
        ):
            nearest = np.where(nearest == 0, planes[k], nearest)
        assert np.array_equal(np.moveaxis(made, axis, 0)[n], nearest)


@given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.tuples(*[st.integers(0, 9)] * 3),
    dtype=st.sampled_from(DTYPES),
    order=st.sampled_from("CF"),
)
def test_values_and_counts_are_those_of_numpy(
    seed: int, shape: tuple[int, int, int], dtype: str, order: str
) -> None:
    array = np.array(drawn(np.random.default_rng(seed), shape, dtype), order=order)
    for part in (array, array[::2, :, ::-1]):
        values, counts = labels.values_and_counts(part)
        wanted, numbers = np.unique(part, return_counts=True)
        assert values.dtype == wanted.dtype
        assert np.array_equal(values, wanted)
        assert np.array_equal(counts, numbers)


def test_values_of_a_large_array_are_counted_on_all_threads() -> None:
    array = np.random.default_rng(0).integers(-900, 900, (70, 70, 70)).astype(np.int16)
    values, counts = labels.values_and_counts(array)
    wanted, numbers = np.unique(array, return_counts=True)
    assert np.array_equal(values, wanted)
    assert np.array_equal(counts, numbers)
