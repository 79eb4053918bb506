"""One label map of labels that overlap: the first in the order wins, and every loss is counted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hounsfield as hu
from hounsfield.core.errors import GeometryError, QuantityError
from hounsfield.dataset.label_map.merge import merge_labels

NAMES = ("a", "b", "c", "d")


def mask(array: np.ndarray, *, origin: float = 0.0) -> hu.Volume:
    affine = np.eye(4)
    affine[0, 3] = origin
    return hu.Volume.from_array(array.astype(np.uint8), affine=affine, quantity="mask")


@given(st.integers(0, 1 << 30), st.permutations(NAMES), st.sets(st.sampled_from(NAMES), min_size=1))
def test_the_first_that_covers_a_voxel_has_it_and_every_other_is_counted(
    seed: int, order: list[str], there: set[str]
) -> None:
    rng = np.random.default_rng(seed)
    arrays = {name: rng.random((3, 4, 5)) < 0.5 for name in sorted(there)}
    merged, overlaps = merge_labels({n: mask(a) for n, a in arrays.items()}, order=order)
    expected: dict[tuple[str, str], int] = {}
    for at in np.ndindex(3, 4, 5):
        covering = [name for name in order if name in arrays and arrays[name][at]]
        assert merged.array[at] == (order.index(covering[0]) + 1 if covering else 0)
        for loser in covering[1:]:
            pair = (covering[0], loser)
            expected[pair] = expected.get(pair, 0) + 1
    assert overlaps == expected


def test_more_than_255_names_need_uint16() -> None:
    names = [f"n{n}" for n in range(300)]
    merged, _ = merge_labels({"n299": mask(np.ones((2, 2, 2)))}, order=names)
    assert merged.dtype == np.uint16
    assert merged.array.max() == 300


def test_a_label_of_several_values_or_of_another_grid_is_refused() -> None:
    ones = np.ones((2, 2, 2))
    several = np.arange(8).reshape(2, 2, 2)
    with pytest.raises(QuantityError, match="7 values; expected one"):
        merge_labels({"a": mask(several)}, order=("a",))
    with pytest.raises(GeometryError, match="'b' is on"):
        merge_labels({"a": mask(ones), "b": mask(ones, origin=1.0)}, order=("a", "b"))
    with pytest.raises(QuantityError, match="not in the order"):
        merge_labels({"a": mask(ones)}, order=("b",))
    with pytest.raises(QuantityError, match="1 distinct"):
        merge_labels({"a": mask(ones)}, order=("a", "a"))
