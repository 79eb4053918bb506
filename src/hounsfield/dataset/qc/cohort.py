"""Cases of a data set whose quality values differ from those of the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hounsfield.dataset.qc.value import rounded_to

TO_SCORE = 0.6745
"""The median absolute deviation of a normal distribution over its standard deviation, its third
quartile: 1 / 1.4826 (Iglewicz & Hoaglin 1993)."""

CUT = 3.5
"""Modified z-scores beyond this are outliers (Iglewicz & Hoaglin 1993, volume 16, section 3)."""

TO_MEAN_SCORE = 0.7979
"""The mean absolute deviation of a normal distribution over its standard deviation, sqrt(2 / pi);
it is used where the median absolute deviation is 0 (IBM SPSS and Cognos, modified z-score)."""

LEAST_CASES = 8
"""Fewer cases give no outliers: of seven, three with other values already move the median."""

RATIOS = frozenset({"pixel_spacing", "slice_spacing", "extent", "noise_in_air"})
"""Values that are compared by their logarithm, as they are positive and differ by factors."""

COMPARED: Mapping[str, float] = {
    "pixel_spacing": 0.05,
    "slice_spacing": 0.05,
    "extent": 0.05,
    "noise_in_air": 0.1,
    "lowest": 100.0,
    "highest": 100.0,
    "air_peak": 10.0,
    "soft_tissue_peak": 10.0,
    "clipped_at_top": 1e-4,
    "contrast": 50.0,
}
"""Names of the values that are compared, and the least difference from the median that matters.

A share of the value for RATIOS: 5 % of a spacing is twice what headers round to, 10 % of a noise
is its error over 100 voxels. 10 HU is two bins of a histogram."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlier:
    """A value of a case that differs from the `median` of all cases; `score` is signed."""

    case: str
    name: str
    value: float
    unit: str
    median: float
    score: float

    @property
    def reason(self) -> str:
        """The value, and that of most cases."""
        name = self.name.replace("_", " ")
        return f"{name} is {self.value:g} {self.unit}, the median of all cases {self.median:g}"

    def to_json(self) -> dict[str, Any]:
        """Return the outlier as plain data."""
        names = ("case", "name", "value", "unit", "median", "score")
        return {**{name: getattr(self, name) for name in names}, "reason": self.reason}


def cohort_outliers(cases: Mapping[str, Mapping[str, Any]]) -> tuple[Outlier, ...]:
    """Return the outliers among the quality of cases (`Quality.to_json` by case id), worst first.

    A value is an outlier if its modified z-score ``0.6745 (x - median) / MAD`` is beyond CUT. If
    more than half of the cases have one value, the MAD is 0 and the mean absolute deviation takes
    its place, so that a different case is an outlier only if it is one of few. Values that fewer
    than LEAST_CASES cases have give no outliers.
    """
    values: dict[str, dict[str, tuple[float, str]]] = {name: {} for name in COMPARED}
    for case, quality in cases.items():
        for name, each in quality.get("values", {}).items():
            if each["value"] is not None and name in values:
                values[name][case] = (float(each["value"]), str(each["unit"]))
    found = [
        outlier
        for name, known in values.items()
        if len(known) >= LEAST_CASES
        for outlier in _outliers(name, known)
    ]
    return tuple(sorted(found, key=lambda each: (-abs(each.score), each.case, each.name)))


def _outliers(name: str, known: Mapping[str, tuple[float, str]]) -> list[Outlier]:
    """Return the cases that are outliers in one value."""
    cases = sorted(known)
    values = np.array([known[case][0] for case in cases])
    median = float(np.median(values))
    return [
        Outlier(
            case=case,
            name=name,
            value=float(value),
            unit=known[case][1],
            median=rounded_to(median),
            score=rounded_to(float(score)),
        )
        for case, value, score in zip(cases, values, modified_z_scores(values, name), strict=True)
        if abs(score) > CUT and _differs(name, float(value), median)
    ]


def _differs(name: str, value: float, median: float) -> bool:
    """Whether a value differs from the median by more than rounding and its own error."""
    scale = median if name in RATIOS else 1.0
    return abs(value - median) > COMPARED[name] * scale


def modified_z_scores(values: NDArray[np.float64], name: str = "") -> NDArray[np.float64]:
    """Return the modified z-score of each value; 0 for all if they are equal."""
    if name in RATIOS and values.min() > 0:
        values = np.log(values)
    away = values - np.median(values)
    mad, mean = float(np.median(np.abs(away))), float(np.mean(np.abs(away)))
    if mad > 0:
        return np.asarray(TO_SCORE * away / mad)
    return np.asarray(TO_MEAN_SCORE * away / mean) if mean > 0 else np.zeros(len(values))
