"""OUT/manifest.db: the result of every case, stored as it ends, so that a run can be resumed."""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import WriteError
from hounsfield.dataset.case import CaseResult

SCHEMA = 3

APPLICATION = 0x48554354
"""'HUCT': marks the database as a manifest (SQLite, PRAGMA application_id)."""

COLUMNS = (
    "id",
    "status",
    "code",
    "message",
    "seconds",
    "key",
    "output_sha256",
    "diagnostics",
    "warnings",
    "record_sha256",
)
"""The columns of the table `cases`."""

_TABLES = (
    """CREATE TABLE IF NOT EXISTS cases (
id TEXT PRIMARY KEY, status TEXT NOT NULL, code TEXT NOT NULL,
message TEXT NOT NULL, seconds REAL NOT NULL, key TEXT NOT NULL, output_sha256 TEXT NOT NULL,
diagnostics TEXT NOT NULL, warnings TEXT NOT NULL, record_sha256 TEXT NOT NULL) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS settings (
name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS unused (
code TEXT NOT NULL, severity TEXT NOT NULL, message TEXT NOT NULL, files INTEGER NOT NULL)""",
)

_FILES = ("", "-journal", "-wal", "-shm")
"""Suffixes of the files of a database; none may be a link, which would be written through."""

_RUN_TABLE = "CREATE TABLE IF NOT EXISTS run (id TEXT NOT NULL)"


class Manifest:
    """The manifest of an output folder; only one process may write to it. Raises WriteError."""

    def __init__(self, path: Path) -> None:
        if any(path.with_name(path.name + suffix).is_symlink() for suffix in _FILES):
            raise WriteError(
                f"{path.name} is a link, which is not followed; remove it or use another folder"
            )
        with _one_line("used", "rename it to start a new one"):
            self._connection = sqlite3.connect(path, isolation_level=None)
            try:
                self._check_origin(path.name)
                for table in _TABLES:
                    self._connection.execute(table)
                self._connection.execute(f"PRAGMA user_version = {SCHEMA}")
                self._connection.execute(f"PRAGMA application_id = {APPLICATION}")
            except BaseException:
                self._connection.close()
                raise

    def _check_origin(self, name: str) -> None:
        """Raise WriteError unless the database is empty or a manifest of this version."""
        tables = self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if not tables:
            return
        version = self._pragma("user_version")
        columns = [row[1] for row in self._connection.execute("PRAGMA table_info(cases)")]
        if self._pragma("application_id") != APPLICATION and (
            version == 0 or "output_sha256" not in columns
        ):
            raise WriteError(
                f"{name} was not written by hounsfield; rename it or use another folder"
            )
        if version != SCHEMA:
            raise WriteError(f"{name} has version {version}, expected {SCHEMA}; use another folder")
        if tuple(columns) != COLUMNS:
            raise WriteError(
                f"{name} has a table 'cases' with other columns; rename it or use another folder"
            )

    def _pragma(self, name: str) -> int:
        return int(self._connection.execute(f"PRAGMA {name}").fetchone()[0])

    def __enter__(self) -> Manifest:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.close()

    def run_id(self) -> str:
        """Return the random id of the output folder, which names its linkage file."""
        with _one_line("written", "check the disk and the permissions"):
            self._connection.execute(_RUN_TABLE)
            self._connection.execute(
                "INSERT INTO run SELECT ? WHERE NOT EXISTS (SELECT * FROM run)",
                (secrets.token_hex(8),),
            )
            return str(self._connection.execute("SELECT id FROM run").fetchone()[0])

    def earlier(self) -> dict[str, CaseResult]:
        """Return the results of earlier runs by case id; a case may be of any status."""
        columns = ", ".join(COLUMNS)
        with _one_line("read", "rename it to start a new one"):
            rows = self._connection.execute(f"SELECT {columns} FROM cases").fetchall()
            found = [_result(dict(zip(COLUMNS, row, strict=True))) for row in rows]
        return {result.id: result for result in found}

    def settings(self) -> dict[str, str]:
        """Return the settings of the run that wrote the outputs; empty for a new manifest."""
        with _one_line("read", "rename it to start a new one"):
            return dict(self._connection.execute("SELECT name, value FROM settings").fetchall())

    def set_settings(self, settings: Mapping[str, str]) -> None:
        """Store the settings of the run."""
        self._replace("settings", [(name, value) for name, value in settings.items()])

    def set_unused(self, found: Iterable[Diagnostic]) -> None:
        """Store what the sources contain besides the cases."""
        rows = [(each.code, each.severity, each.message, int(each.value or 0)) for each in found]
        self._replace("unused", rows)

    def put(self, result: CaseResult) -> None:
        """Store a result; a case that was up to date is done, with its earlier diagnostics."""
        status = "done" if result.status == "skipped" else result.status
        row = (
            result.id,
            status,
            result.code,
            "" if result.status == "skipped" else result.message,
            result.seconds,
            result.key,
            result.output_sha256,
            json.dumps([dict(each) for each in result.diagnostics], sort_keys=True),
            ",".join(result.warnings),
            result.record_sha256,
        )
        with _one_line("written", "check the disk and the permissions"):
            self._connection.execute(
                f"INSERT OR REPLACE INTO cases VALUES ({', '.join('?' * len(row))})", row
            )

    def forget(self, case_ids: Iterable[str]) -> None:
        """Remove cases."""
        with _one_line("written", "check the disk and the permissions"):
            self._connection.executemany(
                "DELETE FROM cases WHERE id = ?", [(case_id,) for case_id in case_ids]
            )

    def _replace(self, table: str, rows: list[tuple[Any, ...]]) -> None:
        """Replace all rows of a table at once."""
        with _one_line("written", "check the disk and the permissions"):
            self._connection.execute("BEGIN")
            self._connection.execute(f"DELETE FROM {table}")
            for row in rows:
                marks = ", ".join("?" * len(row))
                self._connection.execute(f"INSERT INTO {table} VALUES ({marks})", row)
            self._connection.execute("COMMIT")


def _result(row: dict[str, Any]) -> CaseResult:
    """Return the result in a row; its warnings are among its diagnostics."""
    found = {name: value for name, value in row.items() if name != "warnings"}
    return CaseResult(**{**found, "diagnostics": tuple(json.loads(found["diagnostics"]))})


@contextmanager
def _one_line(done: str, advice: str) -> Iterator[None]:
    """Convert errors of the database to a WriteError of one line."""
    try:
        yield
    except (sqlite3.Error, ValueError, TypeError) as error:
        if isinstance(error, WriteError):
            raise
        raise WriteError(f"manifest.db cannot be {done} ({error}); {advice}") from None
