"""The tables of manifest.db, and the migration of manifests of earlier versions."""

from __future__ import annotations

import sqlite3

from hounsfield.core.errors import WriteError

SCHEMA = 4
"""The version of the tables (PRAGMA user_version)."""

APPLICATION = 0x48554354
"""'HUCT': marks the database as a manifest (PRAGMA application_id); versions 1 and 2 lack it."""

_VERSIONS: dict[int, dict[str, str]] = {
    1: {
        "id": "TEXT PRIMARY KEY",
        "status": "TEXT NOT NULL",
        "code": "TEXT NOT NULL",
        "message": "TEXT NOT NULL",
        "seconds": "REAL NOT NULL",
        "key": "TEXT NOT NULL",
        "output_sha256": "TEXT NOT NULL",
    },
    2: {"diagnostics": "TEXT NOT NULL DEFAULT '[]'"},
    3: {"warnings": "TEXT NOT NULL DEFAULT ''", "record_sha256": "TEXT NOT NULL DEFAULT ''"},
    4: {
        "record": "TEXT NOT NULL DEFAULT ''",
        "qc": "TEXT NOT NULL DEFAULT '{}'",
        "patient": "TEXT NOT NULL DEFAULT ''",
        "study": "TEXT NOT NULL DEFAULT ''",
        "split": "TEXT NOT NULL DEFAULT ''",
        "attempts": "INTEGER NOT NULL DEFAULT 1",
        "started": "REAL NOT NULL DEFAULT 0",
        "memory_bytes": "INTEGER NOT NULL DEFAULT 0",
        "source_bytes": "INTEGER NOT NULL DEFAULT 0",
        "output_bytes": "INTEGER NOT NULL DEFAULT 0",
        "source_sha256": "TEXT NOT NULL DEFAULT ''",
        "source_stamp": "TEXT NOT NULL DEFAULT ''",
        "version": "TEXT NOT NULL DEFAULT ''",
    },
}
"""The columns that each version has added to the table `cases`; the order is that of the table."""


def columns_of(version: int) -> dict[str, str]:
    """Return the columns of the table `cases` in a version, with their types."""
    return {
        name: kind
        for number, added in _VERSIONS.items()
        if number <= version
        for name, kind in added.items()
    }


COLUMNS = tuple(columns_of(SCHEMA))
"""The columns of the table `cases`."""

_CASES = ", ".join(f"{name} {kind}" for name, kind in columns_of(SCHEMA).items())

_TABLES = (
    f"CREATE TABLE IF NOT EXISTS cases ({_CASES}) WITHOUT ROWID",
    """CREATE TABLE IF NOT EXISTS settings (
name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS unused (
code TEXT NOT NULL, severity TEXT NOT NULL, message TEXT NOT NULL, files INTEGER NOT NULL)""",
)


def prepare(connection: sqlite3.Connection, name: str) -> None:
    """Create the tables of a new database, or migrate those of an earlier version, at once.

    A killed migration leaves the earlier version. Raises WriteError for any other database.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = check_origin(connection, name)
        for column, kind in columns_of(SCHEMA).items():
            if 0 < version < SCHEMA and column not in columns_of(version):
                connection.execute(f"ALTER TABLE cases ADD COLUMN {column} {kind}")
        for table in _TABLES:
            connection.execute(table)
        connection.execute(f"PRAGMA user_version = {SCHEMA}")
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def check_origin(connection: sqlite3.Connection, name: str) -> int:
    """Return the version of a manifest, 0 for an empty database; raises WriteError for others."""
    if not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        return 0
    version = _pragma(connection, "user_version")
    columns = tuple(row[1] for row in connection.execute("PRAGMA table_info(cases)"))
    is_marked = _pragma(connection, "application_id") == APPLICATION
    if not is_marked and (version not in _VERSIONS or "output_sha256" not in columns):
        raise WriteError(f"{name} was not written by hounsfield; rename it or use another folder")
    if version > SCHEMA:
        raise WriteError(
            f"{name} has version {version}, newer than {SCHEMA}, the newest that this version "
            "writes; update hounsfield or use another folder"
        )
    if columns != tuple(columns_of(version)):
        raise WriteError(
            f"{name} has a table 'cases' with other columns; rename it or use another folder"
        )
    return version


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])
