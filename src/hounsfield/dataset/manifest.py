"""OUT/manifest.db: the result of every case, stored as it ends, so that a run can be resumed."""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import WriteError
from hounsfield.core.version import VERSION
from hounsfield.dataset.case import CaseResult, CaseSource
from hounsfield.dataset.commits import Commits
from hounsfield.dataset.manifest_schema import COLUMNS, prepare
from hounsfield.io.bytes.search import RECORD

LARGEST_RECORD = 1 << 16
"""Characters of a record that are stored with the bits of its masks; a body has 300,000 of them."""

LOCKED_SECONDS = 60.0
"""Time to wait for a reader, such as `hounsfield status`, that has locked the database."""

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
        self._folder = path.parent
        with _one_line("used", "rename it to start a new one"):
            self._connection = sqlite3.connect(
                path, isolation_level=None, timeout=LOCKED_SECONDS, check_same_thread=False
            )
            try:
                self._connection.execute("PRAGMA synchronous = NORMAL")
                prepare(self._connection, path.name)
            except BaseException:
                self._connection.close()
                raise
        self._commits = Commits(self._connection)

    def __enter__(self) -> Manifest:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            with _writing():
                self._commits.close()
        except WriteError:
            if error is None:
                raise
        finally:
            self._connection.close()

    def run_id(self) -> str:
        """Return the random id of the output folder, which names its linkage file."""
        with self._idle():
            self._connection.execute(_RUN_TABLE)
            self._connection.execute(
                "INSERT INTO run SELECT ? WHERE NOT EXISTS (SELECT * FROM run)",
                (secrets.token_hex(8),),
            )
            return str(self._connection.execute("SELECT id FROM run").fetchone()[0])

    def earlier(self) -> dict[str, CaseResult]:
        """Return the results of earlier runs by case id, without their records."""
        columns = ", ".join(_EARLIER)
        with self._idle(), _one_line("read", "rename it to start a new one"):
            rows = self._connection.execute(f"SELECT {columns} FROM cases").fetchall()
            found = [_result(dict(zip(_EARLIER, row, strict=True))) for row in rows]
        return {result.id: result for result in found}

    def settings(self) -> dict[str, str]:
        """Return the settings of the run that wrote the outputs; empty for a new manifest."""
        with self._idle(), _one_line("read", "rename it to start a new one"):
            return dict(self._connection.execute("SELECT name, value FROM settings").fetchall())

    def set_settings(self, settings: Mapping[str, str]) -> None:
        """Store the settings of the run."""
        self._replace("settings", [(name, value) for name, value in settings.items()])

    def set_unused(self, found: Iterable[Diagnostic]) -> None:
        """Store what the sources contain besides the cases."""
        rows = [(each.code, each.severity, each.message, int(each.value or 0)) for each in found]
        self._replace("unused", rows)

    def put(self, result: CaseResult, source: CaseSource | None = None) -> None:
        """Store a result, with the ids of its source; a thread commits it within milliseconds.

        A case that was up to date is done, and keeps when and how it was made; a stale case keeps
        all but its status.
        """
        row = _row(result) | (_ids(source) if source is not None else {})
        kept = {"id", *_KEPT.get(result.status, ())}
        with _writing():
            self._commits.add(partial(_put, row=row, kept=kept, cases=self._folder / "cases"))

    def forget(self, case_ids: Iterable[str]) -> None:
        """Remove cases."""
        rows = [(case_id,) for case_id in case_ids]
        with self._idle(), self._connection as connection:
            connection.execute("BEGIN")
            connection.executemany("DELETE FROM cases WHERE id = ?", rows)

    def _replace(self, table: str, rows: list[tuple[Any, ...]]) -> None:
        """Replace all rows of a table at once."""
        with self._idle(), self._connection as connection:
            connection.execute("BEGIN")
            connection.execute(f"DELETE FROM {table}")
            for row in rows:
                marks = ", ".join("?" * len(row))
                connection.execute(f"INSERT INTO {table} VALUES ({marks})", row)

    @contextmanager
    def _idle(self) -> Iterator[None]:
        """Convert errors of the block, before which all results are stored, to WriteErrors."""
        with _writing():
            self._commits.flush()
            yield


_EARLIER = (
    "id",
    "status",
    "code",
    "message",
    "seconds",
    "key",
    "output_sha256",
    "diagnostics",
    "record_sha256",
    "source_sha256",
    "source_stamp",
)
"""The columns of a result that the next run needs."""

_KEPT = {
    "skipped": (
        "seconds",
        "attempts",
        "started",
        "memory_bytes",
        "output_bytes",
        "qc",
        "record",
        "version",
    ),
    "stale": tuple(name for name in COLUMNS if name not in ("status", "code", "message")),
}
"""The columns that a result of a status leaves as they are."""


def _put(
    connection: sqlite3.Connection, *, row: dict[str, Any], kept: set[str], cases: Path
) -> None:
    """Insert or update a row, but for the columns in `kept`; read a record that is missing."""
    if "record" in kept and row["status"] == "done":
        query = "SELECT record FROM cases WHERE id = ?"
        if connection.execute(query, (row["id"],)).fetchone() == ("",):  # the manifest was migrated
            text = (cases / row["id"] / RECORD).read_text(encoding="utf-8")
            row, kept = row | {"record": _without_bits(text)}, kept - {"record"}
    update = ", ".join(f"{name} = excluded.{name}" for name in row if name not in kept)
    connection.execute(
        f"INSERT INTO cases ({', '.join(row)}) VALUES ({', '.join('?' * len(row))}) "
        f"ON CONFLICT (id) DO UPDATE SET {update}",
        tuple(row.values()),
    )


def _row(result: CaseResult) -> dict[str, Any]:
    """Return the columns of a result."""
    is_skipped = result.status == "skipped"
    return {
        "id": result.id,
        "status": "done" if is_skipped else result.status,
        "code": result.code,
        "message": "" if is_skipped else result.message,
        "seconds": result.seconds,
        "key": result.key,
        "output_sha256": result.output_sha256,
        "diagnostics": json.dumps([dict(each) for each in result.diagnostics], sort_keys=True),
        "warnings": ",".join(result.warnings),
        "record_sha256": result.record_sha256,
        "record": _without_bits(result.record),
        "qc": json.dumps(dict(result.qc), sort_keys=True),
        "attempts": result.attempts,
        "started": result.started,
        "memory_bytes": result.memory_bytes,
        "source_bytes": result.source_bytes,
        "output_bytes": result.output_bytes,
        "source_sha256": result.source_sha256,
        "source_stamp": result.source_stamp,
        "version": VERSION,
    }


def _ids(source: CaseSource) -> dict[str, str]:
    return {"patient": source.patient, "study": source.study, "split": source.split}


def _without_bits(record: str) -> str:
    """Return the text of a record; of a large one without the bits of its masks.

    record.json has them; their sha256 stays.
    """
    if len(record) <= LARGEST_RECORD:
        return record
    data = json.loads(record)
    for step in (*data["steps"], *data["pipeline"].get("steps", ())):
        step.pop("bits", None)
    return json.dumps(data, sort_keys=True) + "\n"


def _result(row: dict[str, Any]) -> CaseResult:
    """Return the result in a row."""
    return CaseResult(**{**row, "diagnostics": tuple(json.loads(row["diagnostics"]))})


def _writing() -> AbstractContextManager[None]:
    return _one_line("written", "check the disk and the permissions")


@contextmanager
def _one_line(done: str, advice: str) -> Iterator[None]:
    """Convert errors of the database to a WriteError of one line."""
    try:
        yield
    except WriteError:
        raise
    except (sqlite3.Error, OSError, ValueError, TypeError) as error:
        raise WriteError(f"manifest.db cannot be {done} ({error}); {advice}") from None
