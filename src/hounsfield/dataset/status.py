"""Read the results of a run from its manifest, without changing it."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from hounsfield.core.errors import missing_file, unreadable
from hounsfield.io.bytes.search import OUTPUT_MARK


@dataclass(frozen=True, slots=True)
class CaseStatus:
    """The last result of a case."""

    id: str
    status: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class RunStatus:
    """The results of all cases by id, and the id of the run; '' if it has no linkage file."""

    run_id: str
    cases: tuple[CaseStatus, ...]


def read_status(out: Path) -> RunStatus:
    """Read OUT/manifest.db; raises MissingFileError or ReadError."""
    path = out / OUTPUT_MARK
    if not os.path.exists(out):
        raise missing_file(out)
    if not os.path.isfile(path):
        raise unreadable(str(out), "no manifest.db; expected the output folder of a run")
    try:
        return _read(path, mode="ro")
    except sqlite3.Error:
        pass
    try:  # the journal of a killed run is rolled back first
        return _read(path, mode="rw")
    except sqlite3.Error as error:
        raise unreadable(
            str(path), f"cannot be read ({error}); expected the manifest of a run"
        ) from None


def _read(path: Path, *, mode: str) -> RunStatus:
    address = f"file:{quote(str(path.absolute()))}?mode={mode}"
    with closing(sqlite3.connect(address, uri=True)) as connection:
        rows = connection.execute(
            "SELECT id, status, code, message FROM cases ORDER BY id"
        ).fetchall()
        return RunStatus(_run_id(connection), tuple(CaseStatus(*map(str, row)) for row in rows))


def _run_id(connection: sqlite3.Connection) -> str:
    """Return the id of the run; '' with --no-linkage from the first run on."""
    if not connection.execute("SELECT * FROM sqlite_master WHERE name = 'run'").fetchone():
        return ""
    row = connection.execute("SELECT id FROM run").fetchone()
    return str(row[0]) if row else ""
