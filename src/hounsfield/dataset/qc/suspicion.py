"""Rank the cases of a run by how suspicious their quality values are, with the reasons."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hounsfield.dataset.qc.cohort import Outlier, cohort_outliers
from hounsfield.dataset.qc.value import rounded_to

OUTLIER = 1.0
"""What an outlier adds to the score of a case: as the weakest check, since most outliers are a
protocol of another scanner."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """A case, its score with that of its outliers, and why: by the names of quality values."""

    id: str
    score: float
    suspicious: Mapping[str, str]
    outliers: tuple[Outlier, ...] = ()

    @property
    def reasons(self) -> tuple[str, ...]:
        """What was found in the scan, and how it differs from the others, each once."""
        of_cohort = (each.reason for each in self.outliers)
        return tuple(dict.fromkeys((*self.suspicious.values(), *of_cohort)))

    def to_json(self) -> dict[str, Any]:
        """Return the case as plain data."""
        values = [{"name": name, "reason": text} for name, text in self.suspicious.items()]
        outliers = [each.to_json() for each in self.outliers]
        return {"id": self.id, "score": self.score, "values": values, "outliers": outliers}


def suspects(cases: Mapping[str, Mapping[str, Any]]) -> tuple[Suspect, ...]:
    """Return the suspicious cases among the quality of all (`Quality.to_json` by case id).

    The most suspicious is first. A value that is suspicious by itself is no outlier as well.
    """
    outliers: dict[str, list[Outlier]] = defaultdict(list)
    for each in cohort_outliers(cases):
        outliers[each.case].append(each)
    found = [_suspect(case, cases[case], outliers[case]) for case in cases]
    kept = [each for each in found if each.suspicious or each.outliers]
    return tuple(sorted(kept, key=lambda each: (-each.score, each.id)))


def _suspect(case: str, quality: Mapping[str, Any], outliers: Iterable[Outlier]) -> Suspect:
    values = quality.get("values", {})
    suspicious = {
        name: str(each["reason"])
        for name, each in values.items()
        if each.get("status") == "suspicious"
    }
    others = tuple(each for each in outliers if each.name not in suspicious)
    score = rounded_to(float(quality.get("score", 0.0)) + OUTLIER * len(others))
    return Suspect(id=case, score=score, suspicious=suspicious, outliers=others)
