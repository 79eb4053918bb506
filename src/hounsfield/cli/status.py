"""`hounsfield status`: list the results of a run."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from hounsfield.cli.errors import about
from hounsfield.cli.terminal import Terminal

if TYPE_CHECKING:
    from hounsfield.dataset.status import RunStatus

STATUSES = ("done", "failed")
"""Statuses whose count is printed also if it is 0."""


def status(
    terminal: Terminal,
    out: Annotated[Path, Argument(readable=False, help="Output folder of a run.")],
    paths: Annotated[
        bool, Option("--paths", help="Add the path of each case, from the linkage file of the run.")
    ] = False,
    linkage: Annotated[
        Path | None,
        Option(metavar="FILE", help="Linkage file of the run (default: that of the user)."),
    ] = None,
) -> None:
    """List the cases of a run with their results; the exit status is 0 also if some failed."""
    from hounsfield.dataset.status import read_status

    with about(out):
        found = read_status(out)
    sources = _paths(found, linkage) if paths or linkage is not None else None
    counts = {**dict.fromkeys(STATUSES, 0), **Counter(case.status for case in found.cases)}
    if terminal.json:
        terminal.data({"schema": 1, "counts": counts, "cases": _rows(found, sources)})
        return
    columns = ("id", "status", "code", "message", *(() if sources is None else ("path",)))
    table = [[row[name] for name in columns] for row in _rows(found, sources)]
    terminal.table(columns, table, spare=("message", "code"))
    terminal.say(", ".join(f"{count} {name}" for name, count in counts.items()))


def _rows(found: RunStatus, sources: dict[str, str] | None) -> list[dict[str, str]]:
    rows = []
    for case in found.cases:
        row = {"id": case.id, "status": case.status, "code": case.code, "message": case.message}
        rows.append(row if sources is None else {**row, "path": sources.get(case.id, "")})
    return rows


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
