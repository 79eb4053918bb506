"""Read the manifest of a run without changing it, also while the run goes on."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

from hounsfield.core.errors import WriteError, missing_file, unreadable
from hounsfield.dataset.manifest_schema import SCHEMA, check_origin, columns_of
from hounsfield.dataset.remote_output import RemoteOutput
from hounsfield.io.bytes.remote import url_of
from hounsfield.io.bytes.search import OUTPUT_MARK

JOURNAL = "-journal"
"""The suffix of the file by which SQLite undoes what a killed process has half written."""


@contextmanager
def reading_manifest(out: Path) -> Iterator[sqlite3.Connection]:
    """Open OUT/manifest.db read-only; raises MissingFileError or ReadError.

    What a killed run has left half written is undone in a copy.
    """
    path = out / OUTPUT_MARK
    if not os.path.exists(out):
        raise missing_file(out)
    if not os.path.isfile(path):
        raise unreadable(str(out), "no manifest.db; expected the output folder of a run")
    with TemporaryDirectory() as folder:
        try:
            connection = _opened(path, Path(folder))
        except (sqlite3.Error, OSError) as error:
            reason = f"cannot be read ({error}); expected the manifest of a run"
            raise unreadable(str(path), reason) from None
        except WriteError as error:
            raise unreadable(str(path), f"cannot be read: {error}") from None
        with closing(connection):
            yield connection


@contextmanager
def reading_manifest_at(out: Path) -> Iterator[sqlite3.Connection]:
    """Open the manifest of an output folder or URL, as `reading_manifest` does."""
    url = url_of(out)
    with TemporaryDirectory() as copy:
        if url and not RemoteOutput(url).get(OUTPUT_MARK, Path(copy) / OUTPUT_MARK):
            raise unreadable(url, "no manifest.db; expected the output URL of a run")
        with reading_manifest(Path(copy) if url else out) as connection:
            yield connection


def _opened(path: Path, folder: Path) -> sqlite3.Connection:
    try:
        return _checked(f"file:{quote(str(path.absolute()))}?mode=ro")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
            raise
    for suffix in ("", JOURNAL):
        with suppress(FileNotFoundError):
            shutil.copyfile(f"{path}{suffix}", folder / (path.name + suffix))
    return _checked(f"file:{quote(str(folder / path.name))}")


def _checked(address: str) -> sqlite3.Connection:
    connection = sqlite3.connect(address, uri=True)
    try:
        if not check_origin(connection, OUTPUT_MARK):
            raise sqlite3.DatabaseError("it has no tables")
    except BaseException:
        connection.close()
        raise
    return connection


def case_rows(
    connection: sqlite3.Connection, names: Sequence[str], *, ids: Sequence[str] | None = None
) -> Iterator[dict[str, Any]]:
    """Yield columns of the cases by id; a column that the version lacks has its default.

    Of given ids each row is a query of its own, so that a run that goes on is not locked out.
    """
    found = {row[1] for row in connection.execute("PRAGMA table_info(cases)")}
    kinds = columns_of(SCHEMA)
    columns = [name if name in found else f"{_default(kinds[name])} AS {name}" for name in names]
    query = f"SELECT {', '.join(columns)} FROM cases"
    if ids is None:
        rows = connection.execute(f"{query} ORDER BY id").fetchall()
        yield from (dict(zip(names, row, strict=True)) for row in rows)
        return
    for case_id in ids:
        for row in connection.execute(f"{query} WHERE id = ?", (case_id,)).fetchall():
            yield dict(zip(names, row, strict=True))


def _default(kind: str) -> str:
    """Return the default in the definition of a column."""
    return kind.partition("DEFAULT ")[2] or "''"


def settings_of_run(connection: sqlite3.Connection) -> dict[str, str]:
    """Return the settings of the run; empty in manifests of the first versions."""
    if not _has_table(connection, "settings"):
        return {}
    return dict(connection.execute("SELECT name, value FROM settings").fetchall())


def run_id(connection: sqlite3.Connection) -> str:
    """Return the id of the run; '' with --no-linkage from the first run on."""
    row = _has_table(connection, "run") and connection.execute("SELECT id FROM run").fetchone()
    return str(row[0]) if row else ""


def _has_table(connection: sqlite3.Connection, name: str) -> bool:
    found = connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (name,))
    return found.fetchone() is not None
