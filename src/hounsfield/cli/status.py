"""`hounsfield status`: list the results of a run."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Option

from hounsfield.cli.errors import about
from hounsfield.cli.terminal import Terminal

if TYPE_CHECKING:
    from hounsfield.dataset.qc.suspicion import Suspect
    from hounsfield.dataset.status import RunStatus

MANY = 200
"""Cases from which those that are done are listed with -v only: a table of 10,000 takes 13 s."""

WORST = 10
"""Suspicious cases that are listed without -v."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """Files to which the manifest is written."""

    csv: Annotated[
        Path | None, Option(metavar="FILE", help="Write the cases as a table to a CSV file.")
    ] = None
    jsonl: Annotated[
        Path | None,
        Option(metavar="FILE", help="Write the cases with their records to a JSON Lines file."),
    ] = None
    parquet: Annotated[
        Path | None, Option(metavar="FILE", help="Write the cases as a table to a Parquet file.")
    ] = None


def status(
    terminal: Terminal,
    export: Export,
    out: Annotated[Path, Argument(readable=False, help="Output folder of a run.")],
    paths: Annotated[
        bool, Option("--paths", help="Add the path of each case, from the linkage file of the run.")
    ] = False,
    linkage: Annotated[
        Path | None,
        Option(metavar="FILE", help="Linkage file of the run (default: that of the user)."),
    ] = None,
) -> None:
    """List the cases of a run with their results; the exit status is 0 also if some failed.

    The most suspicious scans are listed with the reasons. The run may be going on, or have been
    killed: nothing in OUT is changed.
    """
    from hounsfield.dataset.status import read_status, read_suspects

    with about(out):
        found, suspicious = read_status(out), read_suspects(out)
    sources = _paths(found, linkage) if paths or linkage is not None else None
    _export(terminal, out, export, suspicious)
    if terminal.json:
        terminal.data(_data(found, sources, suspicious))
        return
    listed = _rows(found, sources)
    if len(listed) > MANY and not (terminal.verbose or sources):
        listed = [row for row in listed if row["status"] != "done"]
    _print_table(terminal, listed, has_paths=sources is not None)
    if len(listed) < len(found.cases):
        terminal.say(f"{len(found.cases) - len(listed)} done are not listed; use -v to list all")
    _print_suspects(terminal, suspicious)
    for text in _texts(found):
        terminal.say(text)


def _print_table(terminal: Terminal, rows: list[dict[str, Any]], *, has_paths: bool) -> None:
    columns = ("id", "status", "seconds", "code", "message", *(("path",) if has_paths else ()))
    texts = [{**row, "seconds": f"{row['seconds']:.1f}"} for row in rows]
    table = [[row[name] for name in columns] for row in texts]
    if rows:
        terminal.table(columns, table, right=("seconds",), spare=("message", "seconds", "code"))


def _print_suspects(terminal: Terminal, found: Sequence[Suspect]) -> None:
    """Print the most suspicious scans, a line for each reason."""
    shown = found if terminal.verbose else found[:WORST]
    rows = [
        [each.id if n == 0 else "", f"{each.score:g}" if n == 0 else "", reason]
        for each in shown
        for n, reason in enumerate(each.reasons)
    ]
    if rows:
        terminal.text("")
        terminal.table(("id", "suspicion", "reason"), rows, right=("suspicion",))
    if len(shown) < len(found):
        rest = len(found) - len(shown)
        terminal.say(f"{rest} less suspicious scans are not listed; use -v to list all")


def _texts(found: RunStatus) -> Iterator[str]:
    """Yield lines about all cases: counts, failures, the slowest, memory."""
    yield ", ".join(f"{count} {name}" for name, count in found.counts.items())
    if found.failures:
        yield "failed: " + ", ".join(f"{code} ({n})" for code, n in found.failures.items())
        yield from _reasons(found)
    if len(found.cases) > 1:
        slow = [f"{case.id} ({case.seconds:.1f} s)" for case in found.slowest]
        yield f"slowest: {', '.join(slow)}"
    if found.largest is not None:
        yield f"peak memory: {found.largest.memory_bytes / 1e6:.0f} MB ({found.largest.id})"


def _reasons(found: RunStatus) -> Iterator[str]:
    """Yield the message of the first case of each code; a narrow screen has no column for it."""
    failed = [case for case in found.cases if case.status == "failed"]
    for code in found.failures:
        case = next((each for each in failed if each.code == code), None)
        if case is not None:
            yield f"{code}, such as {case.id}: {case.message}"


def _data(
    found: RunStatus, sources: dict[str, str] | None, suspicious: Sequence[Suspect]
) -> dict[str, Any]:
    peak = 0 if found.largest is None else found.largest.memory_bytes
    return {
        "schema": 1,
        "counts": found.counts,
        "failures": found.failures,
        "slowest": [{"id": case.id, "seconds": case.seconds} for case in found.slowest],
        "peak_memory_bytes": peak,
        "suspicious": [each.to_json() for each in suspicious],
        "cases": _rows(found, sources),
    }


def _export(terminal: Terminal, out: Path, export: Export, suspicious: Sequence[Suspect]) -> None:
    """Write the files that the options name."""
    from hounsfield.dataset.export_status import (
        flat_row,
        read_rows,
        with_suspicion,
        write_csv,
        write_jsonl,
        write_parquet,
    )

    for path, write in ((export.csv, write_csv), (export.parquet, write_parquet)):
        if path is not None:
            with about(path):
                rows = with_suspicion(read_rows(out), suspicious)
                write([flat_row(row) for row in rows], path)
    if export.jsonl is not None:
        with about(export.jsonl):
            write_jsonl(with_suspicion(read_rows(out), suspicious), export.jsonl)
    for path in (export.csv, export.jsonl, export.parquet):
        if path is not None:
            terminal.say(f"wrote {path}")


def _rows(found: RunStatus, sources: dict[str, str] | None) -> list[dict[str, Any]]:
    rows = [asdict(case) for case in found.cases]
    if sources is None:
        return rows
    return [{**row, "path": sources.get(row["id"], "")} for row in rows]


def _paths(found: RunStatus, file: Path | None) -> dict[str, str]:
    """Return the last path of each case in the linkage file."""
    from hounsfield.core.errors import unreadable
    from hounsfield.dataset.linkage import linkage_file, read_links

    path = file if file is not None else linkage_file(found.run_id) if found.run_id else None
    if path is None or (file is None and not os.path.isfile(path)):
        where = "" if path is None else str(path)
        raise unreadable(
            where, "the run has no linkage file here; name the one it wrote with --linkage"
        )
    with about(path):
        return {link.id: link.path for link in read_links(path)}
