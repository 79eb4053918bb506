"""OUT/manifest.db: the result of every case, stored as it ends, so that a run can be resumed."""

from __future__ import annotations

import json
import secrets
import sqlite3
from pathlib import Path
from types import TracebackType

from hounsfield.core.errors import WriteError
from hounsfield.dataset.case import CaseResult

SCHEMA = 2

_TABLE = """CREATE TABLE IF NOT EXISTS cases (
id TEXT PRIMARY KEY, status TEXT NOT NULL, code TEXT NOT NULL,
message TEXT NOT NULL, seconds REAL NOT NULL, key TEXT NOT NULL, output_sha256 TEXT NOT NULL,
diagnostics TEXT NOT NULL) WITHOUT ROWID"""

_RUN_TABLE = "CREATE TABLE IF NOT EXISTS run (id TEXT NOT NULL)"


class Manifest:
    """The manifest of an output folder; only one process may write to it. Raises WriteError."""

    def __init__(self, path: Path) -> None:
        try:
            self._connection = sqlite3.connect(path, isolation_level=None)
            version = self._connection.execute("PRAGMA user_version").fetchone()[0]
            if version not in (0, SCHEMA):
                raise WriteError(
                    f"manifest.db has version {version}, expected {SCHEMA}; use another folder"
                )
            self._connection.execute(_TABLE)
            self._connection.execute(f"PRAGMA user_version = {SCHEMA}")
        except sqlite3.Error as error:
            raise WriteError(
                f"manifest.db cannot be used ({error}); rename it to start a new one"
            ) from None

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
        try:
            self._connection.execute(_RUN_TABLE)
            self._connection.execute(
                "INSERT INTO run SELECT ? WHERE NOT EXISTS (SELECT * FROM run)",
                (secrets.token_hex(8),),
            )
            return str(self._connection.execute("SELECT id FROM run").fetchone()[0])
        except sqlite3.Error as error:
            raise WriteError(
                f"manifest.db cannot be written ({error}); check the disk and the permissions"
            ) from None

    def keys(self) -> dict[str, str]:
        """Return the key of every case that is done, by case id."""
        rows = self._connection.execute(
            "SELECT id, key FROM cases WHERE status = 'done'"
        ).fetchall()
        return {str(case): str(key) for case, key in rows}

    def put(self, outcome: CaseResult) -> None:
        """Store an outcome; a skipped case is not stored."""
        if outcome.status == "skipped":
            return
        try:
            self._connection.execute(
                "INSERT OR REPLACE INTO cases VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    outcome.id,
                    outcome.status,
                    outcome.code,
                    outcome.message,
                    outcome.seconds,
                    outcome.key,
                    outcome.output_sha256,
                    json.dumps([dict(each) for each in outcome.diagnostics], sort_keys=True),
                ),
            )
        except sqlite3.Error as error:
            raise WriteError(
                f"manifest.db cannot be written ({error}); check the disk and the permissions"
            ) from None
