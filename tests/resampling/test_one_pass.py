"""The pass gives the same bits however little of the source it may hold at a time."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hounsfield.core.grid import Grid
from hounsfield.core.stack import Stack
from hounsfield.core.stack_on_grid import stack_on_grid
from hounsfield.kernels.sample import SlabWindows
from hounsfield.resampling.one_pass import OnePass
from hounsfield.resampling.tilted_stack import straighten
from hounsfield.resampling.transfer import Transfer


def stack(*, tilt_mm: float = 0.0, uneven: bool = False, seed: int = 0) -> Stack:
    """Twenty-one slices with padding and slopes of their own, decoded from an array and counted."""
    rng = np.random.default_rng(seed)
    values = np.asfortranarray(rng.integers(-2000, 2000, (14, 11, 21)).astype(np.int16))
    values[:2] = -2000
    steps = np.cumsum(rng.uniform(1, 3, 21)) if uneven else np.arange(21) * 2.0
    origins = np.stack([np.zeros(21), np.arange(21) * tilt_mm, steps], axis=1)
    return Stack(
        shape=(14, 11, 21),
        origins_ras_mm=origins,
        step_i_ras_mm=np.array([-1.0, 0, 0]),
        step_j_ras_mm=np.array([0, -1.0, 0]),
        stored_dtype=np.dtype(np.int16),
        slopes=rng.uniform(0.5, 1.5, 21),
        decode=lambda start, stop: values[:, :, start:stop],
        intercepts=rng.uniform(-5, 5, 21),
        padding=(-2000, -2000),
    )


def one_pass(
    source: Stack,
    *,
    method: Literal["linear", "conservative"],
    statistic: Literal["max", "mean"] | None,
    thick: int,
    stride: int,
) -> OnePass:
    sampling = straighten(source)
    target = sampling.to(
        sampling.grid.resampled(spacing_mm=(1.5, 1.3, 1.1)).reoriented("RAI"), method=method
    )
    assert target is not None
    windows = None
    if statistic is not None:
        size = target.axes[2].size
        first = np.arange(0, size, stride) - thick // 2
        windows = SlabWindows(
            statistic,
            np.clip(first, 0, size - 1).astype(np.int32),
            np.clip(first + thick, 1, size).astype(np.int32),
        )
    return OnePass(
        stack=source,
        sampling=target,
        dtype=np.dtype(np.float32),
        background=-1000.0,
        windows=windows,
        after=Transfer(0.5, 1.0, -900.0, 900.0),
    )


@given(
    tilt_mm=st.sampled_from([0.0, 0.31]),
    uneven=st.booleans(),
    method=st.sampled_from(["linear", "conservative"]),
    statistic=st.sampled_from([None, "max", "mean"]),
    thick=st.integers(1, 9),
    stride=st.integers(1, 3),
    budget=st.integers(1, 3000),
)
def test_bits_do_not_depend_on_the_budget(
    tilt_mm: float,
    uneven: bool,
    method: Literal["linear", "conservative"],
    statistic: Literal["max", "mean"] | None,
    thick: int,
    stride: int,
    budget: int,
) -> None:
    whole = one_pass(
        stack(tilt_mm=tilt_mm, uneven=uneven),
        method=method,
        statistic=statistic,
        thick=thick,
        stride=stride,
    )
    expected = whole.run()
    small = replace(whole, slab_bytes=budget)
    assert np.array_equal(small.run(), expected)
    joined = np.concatenate([part for _, part in small.slabs()], axis=small.along)
    assert np.array_equal(joined, expected)


def test_no_more_slices_are_decoded_at_a_time_than_the_budget_holds() -> None:
    source = stack()
    asked: list[int] = []

    def decode(start: int, stop: int) -> np.ndarray:
        asked.append(stop - start)
        return source.decode(start, stop)

    once = one_pass(
        source.replaced(decode=decode), method="linear", statistic=None, thick=1, stride=1
    )
    replace(once, slab_bytes=4 * 14 * 11 * 2).run()
    assert len(asked) > 5
    assert max(asked) <= 4


def test_slices_that_nothing_reads_are_never_decoded() -> None:
    source = stack()
    asked: list[int] = []

    def decode(start: int, stop: int) -> np.ndarray:
        asked.extend(range(start, stop))
        return source.decode(start, stop)

    sampling = straighten(source).to(source.grid.boxed((0, 0, 5), (14, 11, 4)))
    assert sampling is not None
    OnePass(
        stack=source.replaced(decode=decode),
        sampling=sampling,
        dtype=np.dtype(np.float32),
        background=0.0,
    ).run()
    assert sorted(asked) == [5, 6, 7, 8]


def test_values_beyond_int16_are_never_clipped_silently() -> None:
    grid = Grid((2, 2, 2), np.eye(4))
    values = np.full((2, 2, 2), 60000, dtype=np.uint16, order="F")
    high = stack_on_grid(
        grid,
        stored_dtype=np.dtype(np.uint16),
        decode=lambda start, stop: values[:, :, start:stop],
        quantity="hu",
        background=-1024.0,
        intercept=-1024.0,
    )
    assert high.volume().array.dtype == np.float32
    assert high.volume().array.max() == 60000 - 1024
    with pytest.raises(ValueError, match="float32"):
        OnePass(
            stack=high, sampling=straighten(high), dtype=np.dtype(np.int16), background=-1024.0
        ).run()


def test_uneven_slices_that_do_not_shift_are_sampled_in_plane_like_even_ones() -> None:
    uneven, even = stack(uneven=True), stack()
    assert not uneven.is_even
    for source in (uneven, even):
        grid = source.grid
        first = grid.resampled(spacing_mm=(2.5 * grid.spacing_mm[0], *grid.spacing_mm[1:]))
        second = first.resampled(spacing_mm=(0.6 * grid.spacing_mm[0], *grid.spacing_mm[1:]))
        sampling = straighten(source).to(first, method="linear")
        assert sampling is not None
        sampling = sampling.to(second, method="linear")
        assert sampling is not None
        tables = sampling.tables()[0]
        assert len(tables) == 1
        # Samples beyond the source's face but inside the overhanging grid have the edge's value.
        assert (tables[0].rest == 0).all()
