"""`hounsfield audit`: search outputs for what identifies the patients of their sources."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Exit, Option

from hounsfield.cli.errors import FAILED, USAGE, Failure
from hounsfield.cli.terminal import Terminal
from hounsfield.core.display import counted

if TYPE_CHECKING:
    from hounsfield.dataset.audit.audit import Audit, Finding

COLUMNS = ("file", "kind", "attribute", "where", "offset", "count")

MOST_ROWS = 200
"""Findings in the table; --json has all."""


def audit(
    terminal: Terminal,
    out: Annotated[Path, Argument(readable=False, help="Output folder or file.")],
    source: Annotated[
        list[str],
        Option(
            metavar="SRC",
            help="Files, folders, patterns or @list.txt that the outputs were made from; "
            "repeatable; required.",
        ),
    ],
    allow: Annotated[
        list[str] | None,
        Option(
            metavar="KIND",
            help="Kind of finding that is no failure, such as path or label; repeatable "
            "(default: file-digest).",
        ),
    ] = None,
    digests: Annotated[
        bool, Option("--digests", help="Also search for the sha256 of each source file.")
    ] = False,
) -> None:
    """Search outputs for names, ids, dates, UIDs and texts of their sources.

    The exit status is 1 if one is found. Values are printed with -v only.
    """
    from hounsfield.dataset.audit.audit import audit as audit_outputs
    from hounsfield.dataset.audit.token import KINDS

    for kind in allow or ():
        if kind not in KINDS:
            message = f"unknown kind '{kind}' in --allow; expected one of {', '.join(KINDS)}"
            raise Failure(message, status=USAGE, code="USAGE")
    allowed = [kind for kind in KINDS if kind in (allow or ())]
    with terminal.progress("Searching") as progress:
        found = audit_outputs(out, source, allow=allowed, digests=digests, progress=progress)
    if terminal.json:
        terminal.data(found.to_json())
    else:
        _print(terminal, found)
    if not found.is_clean:
        raise Exit(FAILED)


def _print(terminal: Terminal, found: Audit) -> None:
    columns = (*COLUMNS, "value") if terminal.verbose else COLUMNS
    if found.findings:
        rows = [_row(each)[: len(columns)] for each in found.findings[:MOST_ROWS]]
        terminal.table(columns, rows, right=("offset", "count"), spare=("where", "offset"))
        if len(found.findings) > MOST_ROWS:
            terminal.say(f"{len(found.findings) - MOST_ROWS} more; use --json to list all")
    for (kind, attribute), count in sorted(found.common.items()):
        terminal.detail(f"note: {count} of {attribute} ({kind}) too short or common to search")
    if found.unread_sources:
        files = counted(found.unread_sources, "source file")
        terminal.warn(f"{files} could not be read as an image or table; only its name is searched")
    if found.unread_files:
        terminal.warn(f"{counted(found.unread_files, 'output')} could not be read")
    notes = sum(each.is_note for each in found.findings)
    counts = [counted(len(found.findings) - notes, "finding")]
    counts += [counted(notes, "note")] if notes else []
    searched = f"{sum(found.tokens.values())} values in {counted(found.files, 'file')}"
    terminal.say(f"{' and '.join(counts)}; searched for {searched}")


def _row(finding: Finding) -> list[str]:
    kind = f"{finding.kind} (note)" if finding.is_note else finding.kind
    numbers = [str(finding.offset), str(finding.count)]
    return [finding.file, kind, finding.attribute, finding.where, *numbers, finding.value]
