"""Our NIfTI header layout is nibabel's, and a quaternion gives the same rotation in both."""

from __future__ import annotations

import nibabel
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nibabel.quaternions import fillpositive, quat2mat

from hounsfield.io.nifti.layout import DTYPES, layout, quaternion, rotation


@pytest.mark.parametrize(
    ("version", "peer"), [(1, nibabel.Nifti1Header), (2, nibabel.Nifti2Header)]
)
@pytest.mark.parametrize("order", ["<", ">"])
def test_every_field_lies_where_nibabel_has_it(
    version: int, peer: type[nibabel.Nifti1Header], order: str
) -> None:
    ours, theirs = layout(version, order), peer.template_dtype.newbyteorder(order)
    assert ours.itemsize == theirs.itemsize
    for name in theirs.names or ():
        assert ours.fields is not None
        assert theirs.fields is not None
        mine = ours.fields[name]
        assert (mine[1], mine[0].itemsize) == (
            theirs.fields[name][1],
            theirs.fields[name][0].itemsize,
        ), name


def test_codes_mean_the_types_that_nibabel_reads() -> None:
    for code, name in DTYPES.items():
        assert nibabel.nifti1.data_type_codes.dtype[code] == np.dtype(name)


@given(
    st.lists(st.floats(-1, 1), min_size=4, max_size=4).filter(
        lambda q: sum(v * v for v in q) > 1e-3
    )
)
def test_a_rotation_goes_through_its_quaternion_and_back(values: list[float]) -> None:
    expected = quat2mat(values)
    b, c, d = quaternion(expected)
    found = rotation(b, c, d)
    assert found is not None
    assert np.abs(found - expected).max() < 1e-6
    assert np.abs(quat2mat(fillpositive((b, c, d))) - expected).max() < 1e-6


def test_three_components_longer_than_one_are_no_rotation() -> None:
    assert rotation(0.9, 0.9, 0.9) is None
    assert rotation(float("nan"), 0, 0) is None
