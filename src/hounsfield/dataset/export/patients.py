"""The user's table of patients and splits: a CSV file with the columns id, patient and split."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path

from hounsfield.core.errors import unreadable
from hounsfield.dataset.export.splits import split_name
from hounsfield.io.bytes.case_id import case_id
from hounsfield.io.bytes.text import read_short_text

LARGEST_BYTES = 1 << 28
"""Maximum size; a row has 100 bytes at most, so 256 MB is over a million cases."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """The patient of a case, as a keyed hash, and its split; '' where they are not given."""

    patient: str = ""
    split: str = ""


def read_patients(path: Path) -> dict[str, Assignment]:
    """Return the rows by case id. Raises ReadError, and RefusedError for an unknown split."""
    text = read_short_text(path, largest_bytes=LARGEST_BYTES).removeprefix("\ufeff")
    try:
        rows = list(csv.DictReader(text.splitlines()))
    except csv.Error:
        raise unreadable(
            str(path), "not a CSV file; expected columns separated by commas"
        ) from None
    columns = set(rows[0]) if rows else set()
    if "id" not in columns or not columns & {"patient", "split"}:
        raise unreadable(str(path), "expected a CSV file with the columns id, patient and split")
    found: dict[str, Assignment] = {}
    for number, row in enumerate(rows, 2):
        name = (row["id"] or "").strip()
        if not name or name in found:
            raise unreadable(
                str(path),
                f"row {number} has an empty or repeated id; expected one row for each case",
            )
        patient = (row.get("patient") or "").strip()
        found[name] = Assignment(
            patient=case_id(f"patient:{patient}").replace("c-", "p-", 1) if patient else "",
            split=split_name(row.get("split") or ""),
        )
    return found


def label_order(out: Path) -> tuple[str, ...]:
    """Return the names of the labels of a run, the first of which wins an overlap."""
    from hounsfield.dataset.read_manifest import reading_manifest, settings_of_run

    with reading_manifest(out) as connection:
        settings = settings_of_run(connection)
    if "order" in settings:
        return tuple(filter(None, settings["order"].split(",")))
    return tuple(each["name"] for each in json.loads(settings.get("label_map") or "[]"))


def assigned_by(out: Path) -> dict[str, Assignment]:
    """Return the patients and splits that the manifest of a run has, by case id."""
    from hounsfield.dataset.read_manifest import case_rows, reading_manifest

    with reading_manifest(out) as connection:
        rows = list(case_rows(connection, ("id", "patient", "split")))
    return {
        row["id"]: Assignment(patient=row["patient"], split=split_name(row["split"]))
        for row in rows
    }
