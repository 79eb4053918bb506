"""Native mask calls check their arguments: wrong ones raise, none crashes the interpreter."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from hounsfield.kernels import native

SHAPE = (70, 3, 2)
WORDS = 12
VOXELS = 420

DRAWN = """
import sys
import numpy as np
from hypothesis import given, settings, strategies as st
from hounsfield.kernels import native

def sizes(usual):
    return st.sampled_from([usual] * 8 + [0, 1, 11, 13, 419, 421])

numbers = st.sampled_from([-(2**31), -65, -1, 0, 1, 2, 3, 64, 70, 1000, 2**31 - 1])

@st.composite
def arrays(draw, dtype, usual, columns=0):
    kind = draw(st.sampled_from([dtype] * 40 + ["int64", "uint64", "uint8", "float32", "int32"]))
    rows = draw(sizes(usual))
    shape = (rows, draw(st.sampled_from([columns] * 40 + [1, 5]))) if columns else (rows,)
    values = np.array(draw(st.lists(numbers, min_size=1, max_size=6)))
    array = np.resize(values, shape).astype(kind)
    if draw(st.booleans()) and columns and rows:
        array = array[np.lexsort(array.T[::-1])] if draw(st.booleans()) else abs(array) % 3
    if draw(st.integers(0, 40)) == 0:
        array = np.repeat(array, 2, axis=0)[::2]
    return array.astype(kind) if array.flags.c_contiguous else array

lengths = st.sampled_from([(70, 3, 2)] * 20 + [(0, 3, 2), (70, 0, 2), (70, 3, 0), (70, 3, -2),
                           (2**62, 2**62, 4), (-70, -3, 2), (1, 1, 12), (12, 1, 1)])
blocks = st.sampled_from([(1, 1, 1), (3, 2, 2), (0, 1, 1), (-1, 1, 1), (2**40, 1, 1), (70, 3, 2)])
reals = st.sampled_from([-1.0, 0.0, 0.5, 1.0, 30.0, 1e9, float("nan"), float("inf")])
words, bytes_ = arrays("uint64", 12), arrays("uint8", 420)
kinds = ("int16", "uint16", "int32", "float32", "uint8")
values = st.one_of(*[arrays(kind, 420) for kind in kinds])
threads = st.sampled_from([-1, 0, 1, 2])
triples = st.tuples(reals, reals, reals)
CALLS = {
    "mask_pack": (bytes_, lengths, threads, words),
    "mask_expand": (words, lengths, threads, bytes_),
    "mask_bounds": (bytes_, lengths),
    "mask_occupancy": (values, lengths, blocks, reals, reals, reals, threads, words),
    "mask_refine": (values, lengths, blocks, words, words, st.tuples(*[reals] * 4), threads, words),
    "mask_dilate": (words, lengths, arrays("int32", 4, 3), threads, words),
    "mask_components": (words, lengths),
    "mask_paint": (arrays("int32", 2, 4), arrays("uint8", 3), lengths, words),
    "mask_meets": (arrays("int32", 2, 4), words, lengths, arrays("uint8", 3)),
    "mask_rays": (words, words, lengths, arrays("int32", 4, 3), bytes_, bytes_),
    "mask_cut": (words, words, lengths, triples, reals, words),
}
assert set(CALLS) == {name for name in dir(native) if name.startswith("mask_")}

for name, arguments in CALLS.items():
    print(name, flush=True)

    @settings(max_examples=60, deadline=None, derandomize=True, database=None)
    @given(st.tuples(*arguments))
    def call(drawn):
        try:
            getattr(native, name)(*drawn)
        except (ValueError, TypeError):
            pass

    call()
print("done")
"""


def test_no_argument_crashes_a_mask_call() -> None:
    done = subprocess.run(
        [sys.executable, "-c", DRAWN], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, (done.returncode, done.stdout, done.stderr[-2000:])
    assert done.stdout.split()[-1] == "done"


def words(count: int = WORDS) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    return np.zeros(count, np.uint64)


@pytest.mark.parametrize("shape", [(0, 3, 2), (70, 0, 2), (70, 3, 0), (-70, -3, 2)])
def test_an_empty_axis_is_refused(shape: tuple[int, int, int]) -> None:
    ball = np.array([[0, 0, 0]], np.int32)
    nothing = np.zeros(0, np.uint8)
    for call in (
        lambda: native.mask_dilate(words(0), shape, ball, 1, words(0)),
        lambda: native.mask_rays(words(0), words(0), shape, ball, nothing, nothing.copy()),
        lambda: native.mask_components(words(0), shape),
        lambda: native.mask_expand(words(0), shape, 1, nothing),
        lambda: native.mask_bounds(nothing, shape),
    ):
        with pytest.raises(ValueError, match="an axis of the shape is empty"):
            call()


@pytest.mark.parametrize(
    "run", [(6, 0, 4, 0), (-1, 0, 4, 0), (0, -1, 4, 0), (0, 4, 4, 0), (0, 0, 71, 0), (0, 0, 4, 1)]
)
def test_a_run_outside_the_mask_is_refused(run: tuple[int, int, int, int]) -> None:
    table = np.array([run], np.int32)
    with pytest.raises(ValueError, match="a run is outside the mask or has no label"):
        native.mask_paint(table, np.ones(1, np.uint8), SHAPE, words())
    with pytest.raises(ValueError, match="a run is outside the mask or has no label"):
        native.mask_meets(table, words(), SHAPE, np.zeros(1, np.uint8))


@pytest.mark.parametrize("widths", [[-1], [2, 1]])
def test_a_ball_out_of_order_is_refused(widths: list[int]) -> None:
    table = np.array([[0, 0, width] for width in widths], np.int32)
    with pytest.raises(ValueError, match="half widths are negative or not in ascending order"):
        native.mask_dilate(words(), SHAPE, table, 1, words())


def test_tables_of_another_type_are_refused_and_not_converted() -> None:
    ball = np.array([[0, 0, 0]])
    with pytest.raises(TypeError, match="incompatible function arguments"):
        native.mask_dilate(words(), SHAPE, ball, 1, words())  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="incompatible function arguments"):
        native.mask_dilate(words(24)[::2], SHAPE, ball.astype(np.int32), 1, words())


def test_bits_beyond_the_axis_count_as_unset() -> None:
    full = np.full(WORDS, 2**64 - 1, np.uint64)
    runs, stats = native.mask_components(full, SHAPE)
    assert runs[:, 2].max() == 70
    assert stats[:, 0].tolist() == [VOXELS]
