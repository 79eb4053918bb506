"""The list of cases that a run is limited to: decisions of a review as CSV, or ids by line."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.display import counted
from hounsfield.core.errors import PipelineError
from hounsfield.dataset.case import NoCase
from hounsfield.dataset.discover import Discovery
from hounsfield.io.bytes.text import read_short_text

COLUMNS = ("id", "decision", "note")
"""The columns of a CSV file of decisions, in any order; notes are not read."""

DECISIONS = ("accept", "reject")

SEPARATORS = (",", ";", "\t")
"""Spreadsheets write commas, semicolons where the comma is decimal, or tabs."""

LONGEST_LIST_BYTES = 64 << 20
"""The largest list; a million ids with a note of 50 characters fit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Only:
    """The ids of the cases that are run, and of those that a review has rejected."""

    accepted: tuple[str, ...]
    rejected: tuple[str, ...] = ()

    def of(self, found: Discovery) -> Discovery:
        """Return the accepted cases; an id that no source has is a source without a case."""
        ids = {case.id for case in found.cases}
        accepted, rejected = set(self.accepted), set(self.rejected)
        missed = [_without_source(each) for each in self.accepted if each not in ids]
        if ids and not missed and not ids & accepted:
            missed.append(_none(len(ids)))
        return replace(
            found,
            cases=tuple(case for case in found.cases if case.id in accepted),
            missed=(*found.missed, *missed),
            rejected=len(ids & rejected),
            unlisted=len(ids - accepted - rejected),
            is_part=True,
        )


def _without_source(case_id: str) -> NoCase:
    message = "the list names a case that no source has; check its id, or add its source"
    return NoCase(typed=case_id, code="UNKNOWN_ID", message=message)


def _none(count: int) -> NoCase:
    message = f"the list accepts none of {counted(count, 'case')}; check the ids and the decisions"
    return NoCase(typed="--only", code="UNKNOWN_ID", message=message)


def only_ids(ids: Iterable[str]) -> Only:
    """Return the list of these ids."""
    return Only(accepted=tuple(dict.fromkeys(ids)))


def read_only(path: Path) -> Only:
    """Read a list: CSV with the columns id, decision and note, or one id on each line.

    A case without a row is not run. Raises PipelineError if the list is invalid, ReadError if it
    cannot be read.
    """
    text = read_short_text(path, largest_bytes=LONGEST_LIST_BYTES).removeprefix("\ufeff")
    lines = [line.strip() for line in text.splitlines()]
    first = next((line for line in lines if line), "")
    separator = next((each for each in SEPARATORS if each in first), ",")
    names = [name.strip().strip('"').lower() for name in first.split(separator)]
    if names == ["id"] or len(names) == 1:
        ids = [line.strip('"') for line in lines if line and not line.startswith("#")]
        return only_ids(ids[1:] if names == ["id"] else ids)
    return _decided(text, names, separator, path)


def _decided(text: str, names: Sequence[str], separator: str, path: Path) -> Only:
    """Return the decisions of a CSV file."""
    if not set(names) <= set(COLUMNS) or len(names) != len(set(names)) or "id" not in names:
        raise _invalid(path, f"has other columns than {', '.join(COLUMNS)}")
    try:
        rows = [row for row in csv.reader(io.StringIO(text), delimiter=separator) if any(row)]
    except csv.Error:
        raise _invalid(path, "is not CSV") from None
    decided: dict[str, str] = {}
    for number, row in enumerate(rows[1:], 1):
        if len(row) != len(names):
            raise _invalid(path, f"has {len(row)} cells in row {number} and {len(names)} columns")
        cells = dict(zip(names, (cell.strip() for cell in row), strict=True))
        decision = cells.get("decision", "accept").lower()
        if decision not in DECISIONS:
            raise _invalid(path, f"has a decision in row {number} that is not accept or reject")
        if decided.setdefault(cells["id"], decision) != decision:
            raise _invalid(path, f"accepts and rejects one case (row {number})")
    return Only(
        accepted=tuple(each for each, decision in decided.items() if decision == "accept"),
        rejected=tuple(each for each, decision in decided.items() if decision == "reject"),
    )


def _invalid(path: Path, found: str) -> PipelineError:
    message = (
        f"the list of cases {found}; expected CSV with the columns {', '.join(COLUMNS)} "
        "(decision: accept or reject), or one id on each line"
    )
    return PipelineError(Diagnostic("USAGE", "refusal", message, str(path)))
