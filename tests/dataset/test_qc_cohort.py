"""Outliers of a cohort are found robustly, and none among few or equal cases."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import median_abs_deviation

from hounsfield.dataset.qc.cohort import CUT, cohort_outliers, modified_z_scores
from hounsfield.dataset.qc.suspicion import suspects


def cases(name: str, values: list[float | None], unit: str = "mm") -> dict[str, dict[str, Any]]:
    return {
        f"case-{n:02}": {"score": 0, "values": {name: {"value": value, "unit": unit}}}
        for n, value in enumerate(values)
    }


def test_one_case_of_another_spacing_is_an_outlier() -> None:
    [found] = cohort_outliers(
        cases("slice_spacing", [1.0, 1.25, 1.0, 1.5, 1.25, 1.0, 1.5, 1.25, 7])
    )
    assert (found.case, found.median) == ("case-08", 1.25)
    assert found.reason == "slice spacing is 7 mm, the median of all cases 1.25"


def test_fewer_than_eight_cases_give_no_outliers() -> None:
    few = [1.0, 1.25, 1.0, 1.5, 1.25, 1.0]
    assert cohort_outliers(cases("slice_spacing", [*few, 7.0])) == ()
    assert cohort_outliers(cases("slice_spacing", [*few, 7.0, None, None])) == ()
    assert cohort_outliers(cases("slice_spacing", [*few, 1.5, 7.0])) != ()


def test_half_of_the_cases_may_be_equal() -> None:
    [found] = cohort_outliers(cases("slice_spacing", [5.0] * 9 + [1.0]))
    assert (found.case, found.median) == ("case-09", 5.0)
    assert cohort_outliers(cases("slice_spacing", [5.0] * 6 + [1.0] * 4)) == ()
    assert cohort_outliers(cases("slice_spacing", [5.0] * 10)) == ()


def test_rounding_makes_no_outlier() -> None:
    assert cohort_outliers(cases("pixel_spacing", [0.488281] * 9 + [0.4883])) == ()
    assert cohort_outliers(cases("air_peak", [-998.0] * 9 + [-994.0], "HU")) == ()


def test_factors_count_alike_in_both_directions() -> None:
    values = [0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3]
    scores = modified_z_scores(np.array(values), "pixel_spacing")
    inverse = modified_z_scores(1 / np.array(values), "pixel_spacing")
    assert np.allclose(scores, -inverse)


@given(arrays(np.float64, st.integers(8, 40), elements=st.integers(-1000, 1000)))
def test_scores_are_those_of_scipy_wherever_the_deviation_is_not_zero(values: np.ndarray) -> None:
    mad = median_abs_deviation(values, scale="normal")
    scores = modified_z_scores(values)
    if mad > 0:
        assert np.allclose(scores, (values - np.median(values)) / mad, rtol=1e-4)
    assert np.isfinite(scores).all()


@given(st.permutations(range(12)))
def test_the_order_of_cases_does_not_matter(order: list[int]) -> None:
    made = cases("extent", [100.0 + n for n in range(11)] + [900.0])
    shuffled = {f"case-{n:02}": made[f"case-{n:02}"] for n in order}
    assert cohort_outliers(shuffled) == cohort_outliers(made)


def test_outliers_are_plain_data_worst_first() -> None:
    found = cohort_outliers(cases("extent", [100.0 + n for n in range(10)] + [400.0, 900.0]))
    assert [each.case for each in found] == ["case-11", "case-10"]
    assert all(abs(each.score) > CUT for each in found)
    assert found[0].to_json()["value"] == 900.0


def test_suspicious_cases_are_ranked_with_their_reasons_and_others_are_not_listed() -> None:
    made = cases("slice_spacing", [1.0] * 10 + [7.0, 9.0])
    made["case-11"] |= {"score": 2.0}
    made["case-11"]["values"]["slice_spacing"] |= {"status": "suspicious", "reason": "too wide"}
    made["case-03"] |= {"score": 16.0}
    for name in ("air_peak", "soft_tissue_peak"):
        value = {"value": -2024.0, "unit": "HU", "status": "suspicious", "reason": "applied twice"}
        made["case-03"]["values"][name] = value
    assert [(each.id, each.score, each.reasons) for each in suspects(made)] == [
        ("case-03", 16.0, ("applied twice",)),
        ("case-11", 2.0, ("too wide",)),
        ("case-10", 1.0, ("slice spacing is 7 mm, the median of all cases 1",)),
    ]
    assert suspects({"a": {"score": 0.0, "values": {}}, "b": {}, "c": {"error": "x"}}) == ()


@pytest.mark.parametrize("name", ["table", "vertex"])
def test_what_is_no_measure_of_a_cohort_is_not_compared(name: str) -> None:
    assert cohort_outliers(cases(name, [0.1] * 9 + [9.0])) == ()
