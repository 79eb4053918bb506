"""Arguments that do not fit one another are ValueErrors of the samplers, never a crash."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hounsfield.kernels import native
from hounsfield.kernels.oblique import gather
from hounsfield.kernels.sample import AxisTable, sample

LINE = (1.0, 0.0, float("-inf"), float("inf"))
SOURCE = np.zeros((4, 5, 6), np.int16, order="F")


def packed(count: int, *, taps: int = 1, index: Any = np.int32, weight: Any = np.float32) -> Any:
    """A table of `count` samples, as the compiled sampler takes it."""
    return (
        np.zeros((1, count), index),
        np.ones((1, count, taps), weight),
        np.zeros((1, count), weight),
        np.zeros((1, 0, 2), index),
    )


def call(**changes: Any) -> None:
    """The compiled sampler with some arguments changed."""
    arguments: dict[str, Any] = {
        "source": SOURCE,
        "slopes": np.ones(6, np.float32),
        "intercepts": np.zeros(6, np.float32),
        "before": LINE,
        "padding": None,
        "axis_i": packed(3),
        "axis_j": packed(3),
        "axis_k": packed(3),
        "background": 0.0,
        "after": LINE,
        "statistic": 0,
        "start": np.zeros(0, np.int32),
        "stop": np.zeros(0, np.int32),
        "block": 0,
        "out": np.zeros((3, 3, 3), np.float32, order="F"),
        "threads": 2,
    }
    native.sample(**(arguments | changes))


ONE_SLAB = {
    "start": np.zeros(1, np.int32),
    "stop": np.ones(1, np.int32),
    "out": np.zeros((3, 3, 1), np.float32, order="F"),
}
MISFITS: dict[str, dict[str, Any]] = {
    "indices of 64 bits": {"axis_i": packed(3, index=np.int64)},
    "weights of 64 bits": {"axis_j": packed(3, weight=np.float64)},
    "half a table": {"axis_i": packed(3)[:2]},
    "a table of None": {"axis_k": (None,) * 4},
    "no table": {"axis_i": tuple(part[:0] for part in packed(3))},
    "no taps": {"axis_i": packed(3, taps=0)},
    "an index before the axis": {"axis_i": (np.full((1, 3), -1, np.int32), *packed(3)[1:])},
    "an index that overflows": {"axis_i": (np.full((1, 3), 2**31 - 1, np.int32), *packed(3)[1:])},
    "limits beyond the taps": {"axis_i": (*packed(3)[:3], np.full((1, 3, 2), 9, np.int32))},
    "an empty source": {"source": np.zeros((0, 5, 6), np.int16, order="F")},
    "rows that are not contiguous": {"source": np.zeros((4, 5, 6), np.int16)},
    "two slopes": {"slopes": np.ones(2, np.float32)},
    "a short line": {"before": (1.0,)},
    "a line of text": {"after": ("a", 0.0, 0.0, 0.0)},
    "short padding": {"padding": (1.0,)},
    "padding of one number": {"padding": 5},
    "an output of another shape": {"out": np.zeros((3, 3, 4), np.float32, order="F")},
    "a statistic of another kind": {"statistic": 9, **ONE_SLAB},
    "a negative statistic": {"statistic": -1, **ONE_SLAB},
    "a block without end": {"statistic": 1, "block": 2**60, **ONE_SLAB},
    "a slab of no planes": {"statistic": 1, **ONE_SLAB, "stop": np.zeros(1, np.int32)},
}


def test_what_fits_is_sampled() -> None:
    call()
    call(statistic=1, **ONE_SLAB)
    call(before=(1, 0, -1000, 1000), padding=(1, 2, 3))


@pytest.mark.parametrize("name", MISFITS)
def test_a_misfit_of_the_sampler_is_a_value_error(name: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        call(**MISFITS[name])


@pytest.mark.parametrize("empty", [0, 1, 2])
def test_an_empty_output_is_left_empty(empty: int) -> None:
    axis = ("axis_i", "axis_j", "axis_k")[empty]
    shape = tuple(0 if n == empty else 3 for n in range(3))
    call(**{axis: packed(0), "out": np.zeros(shape, np.float32, order="F")})


@pytest.mark.parametrize(
    "tables", [[[], [], []], [[AxisTable(*packed(3, index=np.int64)[:3])]] * 3]
)
def test_tables_that_do_not_fit_are_a_value_error_in_python_too(tables: Any) -> None:
    out = np.zeros((3, 3, 3), np.float32, order="F")
    with pytest.raises(ValueError, match=r"\w"):
        sample(SOURCE, out=out, tables=tables, slopes=np.ones(6), intercepts=np.ones(6))


@pytest.mark.parametrize(
    "changes",
    [
        {"source": np.zeros((4, 5), np.int16)},
        {"source": np.zeros((0, 5, 6), np.int16)},
        {"source": np.zeros((4, 5, 6), complex)},
        {"relation": np.eye(3)},
        {"background": 1e9},
        {"background": float("nan")},
        {"shape": (-2, 2, 2)},
    ],
)
def test_a_misfit_of_the_gather_is_a_value_error(changes: dict[str, Any]) -> None:
    arguments: dict[str, Any] = {
        "source": SOURCE,
        "relation": np.eye(4),
        "shape": (2, 2, 2),
        "background": 0,
    }
    with pytest.raises(ValueError, match=r"\w"):
        gather(**(arguments | changes), method="nearest")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e300])
def test_points_beyond_any_number_are_background(value: float) -> None:
    made = gather(SOURCE, np.full((4, 4), value), shape=(2, 2, 2), background=7, method="nearest")
    assert (made == 7).all()
