"""Promises about stored values: whole HU exact, others within half a slope, 16-character DS."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hounsfield as hu
from hounsfield.io.dicom.derived.rescale import decimal, rescale_for
from hounsfield.io.dicom.derived.uid import content_uid, pseudonym_uid

FINITE = st.floats(-1e6, 1e6, allow_nan=False)


def back(array: np.ndarray) -> np.ndarray:
    """What a reader makes of it."""
    rescale = rescale_for(array)
    stored = rescale.stored(array)
    assert stored.dtype == np.int16
    return stored.astype(np.float64) * float(rescale.slope) + float(rescale.intercept)


@given(low=st.integers(-(2**31), 2**31), span=st.integers(0, 65535), seed=st.integers(0, 99))
def test_whole_values_that_span_16_bits_come_back_exactly(low: int, span: int, seed: int) -> None:
    inner = np.random.default_rng(seed).integers(low, low + span, 8, endpoint=True)
    values = np.array([low, low + span, *inner], dtype=np.int64).reshape(5, 2, 1)
    assert np.array_equal(back(values), values)
    assert rescale_for(values).error == 0


@given(values=st.lists(FINITE, min_size=2, max_size=12))
def test_other_values_come_back_within_half_a_slope(values: list[float]) -> None:
    array = np.array(values).reshape(-1, 1, 1) + 0.25
    error = np.abs(back(array) - array).max()
    assert error <= rescale_for(array).error * (1 + 1e-6) + 1e-9
    assert rescale_for(array).error <= np.ptp(array) / 65535 / 2 * 1.001 + 1e-6


@given(value=st.floats(allow_nan=False, allow_infinity=False))
def test_a_decimal_string_is_valid_and_as_near_as_16_characters_allow(value: float) -> None:
    text = decimal(value)
    assert len(text) <= 16
    assert set(text) <= set("+-0123456789.e")
    assert abs(Decimal(text) - Decimal(value)) <= abs(Decimal(value)) * Decimal("1e-8")


def test_values_that_are_not_finite_are_refused() -> None:
    for bad in (np.nan, np.inf):
        with pytest.raises(hu.QuantityError):
            rescale_for(np.array([[[0.0, bad]]]))


@given(parts=st.lists(st.text(), min_size=1, max_size=4))
def test_uids_are_valid_the_same_for_the_same_and_others_for_others(parts: list[str]) -> None:
    uid = content_uid(*parts)
    assert len(uid) <= 64
    assert uid.startswith("2.25.")
    assert uid == content_uid(*parts)
    assert uid != content_uid(*parts, "")
    assert pseudonym_uid(uid, key=b"a") != pseudonym_uid(uid, key=b"b")
