"""What a label map finds in all cases, from headers, before a case is run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.display import counted
from hounsfield.core.errors import HounsfieldError
from hounsfield.dataset.case import CaseSource
from hounsfield.dataset.label_map.assign import Assignment, assign, quoted
from hounsfield.dataset.label_map.label_map import LabelMap, LabelRule
from hounsfield.dataset.label_map.regions import label_sources, regions_of


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelRow:
    """A label: how many cases have it, have several regions of it, and have none.

    Cases with label maps whose values are not read yet are `unknown` unless they have it.
    """

    name: str
    required: bool
    cases: int
    joined: int
    missing: int
    unknown: int

    def to_json(self) -> dict[str, Any]:
        """Return the row as plain data, without its name."""
        return {
            "required": self.required,
            "cases": self.cases,
            "joined": self.joined,
            "missing": self.missing,
            "unknown": self.unknown,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelTable:
    """What a label map finds in all cases.

    `matched` are labels, the names of their regions and the number of these; `unmatched` are names
    of regions with their number, `ambiguous` also with the labels that they match: names of regions
    are shown on the terminal alone. `refused`, `unread` and
    `unreadable` count the cases that the map refuses, those with a label map whose values are known
    only when it is read, and those with a label file that cannot be read.
    """

    rows: tuple[LabelRow, ...]
    matched: tuple[tuple[str, str, int], ...] = ()
    unmatched: tuple[tuple[str, int], ...] = ()
    ambiguous: tuple[tuple[str, tuple[str, ...], int], ...] = ()
    refused: int = 0
    unread: int = 0
    unreadable: int = 0

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """What may be wrong with the map, without names of regions."""
        found = []
        tied = {name for _, names, _ in self.ambiguous for name in names}
        never = [row.name for row in self.rows if not row.cases + row.unknown]
        never = [name for name in never if name not in tied]
        if never:
            message = f"no region of any case matches {quoted(never)}; check the patterns"
            found.append(Diagnostic("LABEL_MISSING", "warning", message, value=float(len(never))))
        if self.ambiguous:
            count = sum(cases for _, _, cases in self.ambiguous)
            verb = "matches" if count == 1 else "match"
            message = f"{counted(count, 'region')} {verb} several labels; their cases are refused"
            found.append(Diagnostic("LABEL_AMBIGUOUS", "warning", message, value=float(count)))
        lacking = [row for row in self.rows if row.required and row.missing]
        if lacking:
            text = ", ".join(f"'{row.name}' in {counted(row.missing, 'case')}" for row in lacking)
            message = f"required labels are missing: {text}; these cases are refused"
            found.append(Diagnostic("LABEL_MISSING", "warning", message))
        return tuple(found)

    def to_json(self) -> dict[str, Any]:
        """Return the table as plain data, without names of regions."""
        return {
            "names": {row.name: row.to_json() for row in self.rows},
            "unmatched": {"names": len(self.unmatched), "regions": _total(self.unmatched)},
            "ambiguous": {
                "names": len(self.ambiguous),
                "regions": sum(count for _, _, count in self.ambiguous),
            },
            "refused_cases": self.refused,
            "unread_cases": self.unread,
            "unreadable_cases": self.unreadable,
        }


def label_table(
    label_map: LabelMap, cases: Sequence[CaseSource], *, labels: Sequence[tuple[str, str]]
) -> LabelTable:
    """Return what a map finds in the label files of cases; `labels` are those of the run."""
    found: list[Assignment] = []
    for case in cases:
        try:
            sources = label_sources(labels, case)
            found.append(assign(label_map, regions_of(sources, label_map)))
        except HounsfieldError:  # the case fails with it when it is run
            continue
    matched = Counter(
        (name, region.text.strip())
        for each in found
        for name, regions in each.labels.items()
        for region in regions
    )
    unmatched = Counter(region.text.strip() for each in found for region in each.unmatched)
    ambiguous = Counter(
        (region.text.strip(), names) for each in found for region, names in each.ambiguous
    )
    return LabelTable(
        rows=tuple(_row(rule, found) for rule in label_map.rules),
        matched=tuple((*pair, count) for pair, count in sorted(matched.items())),
        unmatched=tuple(sorted(unmatched.items(), key=lambda item: (-item[1], item[0]))),
        ambiguous=tuple((text, names, ambiguous[text, names]) for text, names in sorted(ambiguous)),
        refused=sum(bool(each.refusals) for each in found),
        unread=sum(bool(each.unread) for each in found),
        unreadable=len(cases) - len(found),
    )


def _row(rule: LabelRule, found: Sequence[Assignment]) -> LabelRow:
    counts = [len(each.labels.get(rule.name, ())) for each in found]
    lacking = [bool(each.unread) for each in found if rule.name in each.missing]
    return LabelRow(
        name=rule.name,
        required=rule.required,
        cases=sum(count > 0 for count in counts),
        joined=sum(count > 1 for count in counts),
        missing=lacking.count(False),
        unknown=lacking.count(True),
    )


def _total(counts: Sequence[tuple[str, int]]) -> int:
    return sum(count for _, count in counts)
