"""Read the results of a run from its manifest, without changing it."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hounsfield.dataset.qc.suspicion import Suspect, suspects
from hounsfield.dataset.read_manifest import case_rows, reading_manifest_at, run_id

SLOWEST = 5
"""Cases that are listed as the slowest."""


@dataclass(frozen=True, slots=True)
class CaseStatus:
    """The last result of a case."""

    id: str
    status: str
    code: str
    message: str
    seconds: float = 0.0
    attempts: int = 1
    memory_bytes: int = 0


COLUMNS = ("id", "status", "code", "message", "seconds", "attempts", "memory_bytes")
"""The columns of a CaseStatus."""

COUNTED = ("done", "failed")
"""Statuses that are counted also if no case has them."""


@dataclass(frozen=True, slots=True)
class RunStatus:
    """The results of all cases by id, and the id of the run; '' if it has no linkage file."""

    run_id: str
    cases: tuple[CaseStatus, ...]

    @property
    def counts(self) -> dict[str, int]:
        """The number of cases by status."""
        return {**dict.fromkeys(COUNTED, 0), **Counter(case.status for case in self.cases)}

    @property
    def failures(self) -> dict[str, int]:
        """The number of failed cases by code, most frequent first."""
        codes = Counter(case.code for case in self.cases if case.status == "failed")
        return dict(sorted(codes.items(), key=lambda item: (-item[1], item[0])))

    @property
    def slowest(self) -> tuple[CaseStatus, ...]:
        """The cases that took longest."""
        return tuple(sorted(self.cases, key=lambda case: (-case.seconds, case.id))[:SLOWEST])

    @property
    def largest(self) -> CaseStatus | None:
        """The case whose process had the highest peak of memory; None if none is known."""
        found = max(self.cases, key=lambda case: case.memory_bytes, default=None)
        return found if found is not None and found.memory_bytes else None


def read_status(out: Path) -> RunStatus:
    """Read OUT/manifest.db; raises MissingFileError or ReadError."""
    with reading_manifest_at(out) as connection:
        rows = case_rows(connection, COLUMNS)
        return RunStatus(run_id(connection), tuple(CaseStatus(**row) for row in rows))


def read_suspects(out: Path) -> tuple[Suspect, ...]:
    """Return the done cases of OUT/manifest.db whose quality is suspicious, the worst first.

    Raises MissingFileError or ReadError.
    """
    with reading_manifest_at(out) as connection:
        rows = case_rows(connection, ("id", "status"))
        ids = [row["id"] for row in rows if row["status"] == "done"]
        found = case_rows(connection, ("id", "qc"), ids=ids)
        return suspects({row["id"]: _compared(json.loads(row["qc"] or "{}")) for row in found})


def _compared(quality: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a quality that is compared: a case has a few kB, a run 10,000 cases."""
    names = ("value", "unit", "status", "reason")
    values = quality.get("values", {}).items()
    kept = {name: {key: each[key] for key in names} for name, each in values}
    return {"score": quality.get("score", 0.0), "values": kept}
