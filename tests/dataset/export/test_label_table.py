"""Labels of a cohort have the same numbers in every case, without gaps, and the first one wins."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import hounsfield as hu
from hounsfield.dataset.export.label_table import label_table, merged, values_of

SHAPE = (4, 3, 2)

labels = st.dictionaries(
    st.sampled_from(("a", "b", "background")),
    arrays.arrays(np.uint8, SHAPE, elements=st.sampled_from((0, 1, 3, 7))),
    min_size=1,
)


def volume(array: np.ndarray) -> hu.Volume:
    """A label map."""
    return hu.Volume.from_array(np.asfortranarray(array), affine=np.eye(4), quantity="label")


@given(st.lists(labels, min_size=1, max_size=4), st.permutations(["a", "b", "background"]))
def test_the_first_label_of_the_order_wins_each_voxel(
    cohort: list[dict[str, np.ndarray]], order: list[str]
) -> None:
    cases = [{name: volume(array) for name, array in each.items()} for each in cohort]
    found = [{name: values_of(each) for name, each in case.items()} for case in cases]
    table = label_table(found, order=order)
    assert sorted(table.numbers.values()) == list(range(1, len(table.names) + 1))
    assert len(set(table.names)) == len(table.names)
    assert "background" not in table.names
    for case, arrays_of, values in zip(cases, cohort, found, strict=True):
        made, overlaps = merged(case, table)
        numbered = np.stack(
            [
                np.where(array == value, table.numbers[name, value], 10_000)
                for name, array in arrays_of.items()
                for value in (1, 3, 7)
                if (name, value) in table.numbers
            ]
        ).min(axis=0)
        np.testing.assert_array_equal(made.array, np.where(numbered == 10_000, 0, numbered))
        assert set(table.present(values)) >= {
            table.names[n - 1] for n in np.unique(made.array) if n
        }
        several = sum((array > 0).astype(int) for array in arrays_of.values())
        assert bool(overlaps) == bool((several > 1).any())


def test_a_label_that_is_empty_everywhere_keeps_its_name() -> None:
    assert label_table([{"liver": ()}, {"liver": ()}]).names == ("liver",)
