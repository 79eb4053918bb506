"""`hounsfield inspect`: list the series and image files at a path."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Exit, Option

from hounsfield.cli.errors import FAILED, NO_CASE, about
from hounsfield.cli.options import Reading
from hounsfield.cli.terminal import Terminal, as_options, error_line, one_line
from hounsfield.core.display import counted, escaped, html_table

if TYPE_CHECKING:
    from hounsfield.io.report import Inspection, Report

COLUMNS = (
    "id",
    "number",
    "kind",
    "slices",
    "size",
    "spacing mm",
    "thick mm",
    "gaps mm",
    "axes",
    "tilt",
    "kernel",
    "codec",
    "quantity",
    "values",
    "verdict",
    "path",
)
PAGE_COLUMNS = COLUMNS[:-1]
"""Columns of the page: what is written to a file has no path."""

RIGHT = ("number", "slices", "tilt")
SPARE = (
    "codec",
    "kernel",
    "values",
    "axes",
    "quantity",
    "tilt",
    "gaps mm",
    "thick mm",
    "number",
    "size",
    "path",
    "spacing mm",
)
"""Columns dropped on a narrow screen, in this order; the reasons repeat tilt and gaps."""

BROKEN = ("UNREADABLE", "NESTED", "TRUNCATED")
"""Codes of files that may be slices of a scan but cannot be read."""

SHOWN_GAPS = 3

STYLE = """body { font: 14px/1.4 system-ui, sans-serif; margin: 2em; color: #222; }
table { border-collapse: collapse; }
th, td { text-align: left; padding: .3em .8em; border-bottom: 1px solid #ddd; }
th { background: #f2f2f2; }
.refused { color: #a00; } .repairable, .doubtful { color: #850; } li { margin: .2em 0; }"""

POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""The page loads nothing: no script, image, font or frame."""


def inspect(
    terminal: Terminal,
    reading: Reading,
    path: Annotated[
        Path,
        Argument(readable=False, help="Folder, archive or file (DICOM, NIfTI, NRRD, npy ...)."),
    ],
    html: Annotated[
        Path | None, Option(metavar="FILE", help="Also write the report as HTML.")
    ] = None,
    values: Annotated[
        bool,
        Option(
            "--values",
            help="Read all voxels of image files for their range, and check slices of DICOM.",
        ),
    ] = False,
    paths: Annotated[
        bool, Option("--paths", help="Add file names to --json, relative to PATH.")
    ] = False,
    strict: Annotated[
        bool, Option("--strict", help="Exit with 1 if a series is refused or doubtful.")
    ] = False,
) -> None:
    """List each series at a path: size, spacing, gaps, tilt, unit, and whether it can be read."""
    from hounsfield.dataset.inspect import inspect as inspect_path

    with about(path), terminal.progress("reading headers") as progress:
        found = inspect_path(
            path, policy=reading.policy, series=reading.series, values=values, progress=progress
        )
    if html is not None:
        _write_page(found, html)
    if terminal.json:
        terminal.data(found.to_json(paths=paths))
    else:
        print_inspection(terminal, found, typed=str(path))
    if all(one.is_broken for one in found):
        error_line(f"{path}: no CT that can be read")
        is_none = not found and all(each.code == "NOT_DICOM" for each in found.other)
        raise Exit(NO_CASE if is_none else FAILED)
    if strict and any(one.verdict in ("refused", "doubtful") for one in found):
        raise Exit(FAILED)


def print_inspection(terminal: Terminal, found: Inspection, *, typed: str) -> None:
    """Print the table, a line for each reason, and the other files; `typed` is the path."""
    rows = [
        (*row, _as_typed(typed, one.folder))
        for one, row in zip(found, table_rows(found), strict=True)
    ]
    rows += _broken_rows(found, typed)
    if rows:
        terminal.table(COLUMNS, rows, right=RIGHT, spare=SPARE)
    for line in reason_lines(found, names=True):
        terminal.text(as_options(one_line(line)))
    if found.other:
        terminal.say(
            counted(len(found.other), "other file")
            + ("" if terminal.verbose else " (-v lists them)")
        )
    for each in found.other:
        terminal.detail(
            f"  {each.name}: {each.code}" + (f": {each.message}" if each.message else "")
        )


def _as_typed(typed: str, name: str) -> str:
    """Return a file or folder below the path as the user typed it; a file is the path itself."""
    return typed if name in ("", ".") or os.path.isfile(typed) else os.path.join(typed, name)


def _broken_rows(found: Inspection, typed: str) -> list[tuple[str, ...]]:
    """Return one row for the DICOM files with each code that cannot be read."""
    rows = []
    for code in BROKEN:
        files = [each for each in found.other if each.code == code]
        if files:
            more = f" and {len(files) - 1} more" if len(files) > 1 else ""
            filled = {
                "path": _as_typed(typed, files[0].name) + more,
                "kind": code.lower(),
                "slices": str(len(files)),
                "verdict": "refused",
            }
            rows.append(tuple(filled.get(column, "") for column in COLUMNS))
    return rows


def table_rows(found: Inspection) -> list[tuple[str, ...]]:
    """Return one row of text for each series, without the path."""
    rows: list[tuple[str, ...]] = []
    for one in found:
        row = one.to_json()
        gaps = row["gaps_mm"]
        shown = ", ".join(f"{mm:.4g} x {count}" for mm, count in gaps[:SHOWN_GAPS])
        rows.append(
            (
                row["id"],
                "" if row["number"] is None else str(row["number"]),
                row["kind"],
                str(row["slices"]),
                _times(row["shape"]),
                _times(row["spacing_mm"] or []),
                "" if one.thickness_mm is None else f"{one.thickness_mm:.4g}",
                shown + (" ..." if len(gaps) > SHOWN_GAPS else ""),
                row["orientation"],
                f"{row['tilt_deg']:.1f}" if row["tilt_deg"] > SHOWN_TILT_DEG else "",
                _kernel(one),
                row["codec"] or row["dtype"],
                row["quantity"],
                _times(row["value_range"] or [], " to "),
                row["verdict"],
            )
        )
    return rows


def _kernel(one: Report) -> str:
    """Return the name of the kernel, and its class where it is known."""
    return one.kernel if one.kernel_class == "unknown" else f"{one.kernel} ({one.kernel_class})"


def reason_lines(found: Inspection, *, names: bool) -> list[str]:
    """Return one line for each reason and for the regions of labels.

    With `names`, for the terminal alone, files are named and regions are called as in the header.
    """
    lines = []
    for one in found:
        for reason in one.reasons:
            files = f"  [{reason.file_names}]" if names and reason.files else ""
            lines.append(f"{one.id}  {reason.code}: {reason.message}{files}")
        if one.regions:
            of = f" of series {one.refers_to}" if one.refers_to else ""
            regions = _called(one) if names else one.regions
            lines.append(f"{one.id}  regions{of}: {', '.join(regions)}")
    return lines


def _called(one: Report) -> list[str]:
    """Return the regions as they are called in the header, and the name of an output if another."""
    pairs = zip(one.region_names or one.regions, one.regions, strict=True)
    return [
        text.strip() if text.strip() == safe else f"{text.strip()} ({safe})" for text, safe in pairs
    ]


SHOWN_TILT_DEG = 0.05
"""Smaller tilts would be printed as 0.0 and are left out."""


def _times(values: list[float], between: str = " x ") -> str:
    return between.join(f"{value:.4g}" for value in values)


def _without_names(found: Inspection) -> Inspection:
    """The reports with hashed ids where an id is the name of its file."""
    from hounsfield.dataset.case_names import stem
    from hounsfield.io.bytes.case_id import hidden_name
    from hounsfield.io.report import Inspection

    return Inspection(
        replace(one, id=hidden_name(n, one.files[0]))
        if one.files and one.id == stem(Path(one.files[0]))
        else one
        for n, one in enumerate(found)
    )


def _write_page(found: Inspection, path: Path) -> None:
    from hounsfield.io.bytes.atomic import write_text

    found = _without_names(found)
    with about(path):
        write_text(
            path,
            page(
                title="Inspection",
                columns=PAGE_COLUMNS,
                rows=table_rows(found),
                lines=reason_lines(found, names=False),
            ),
        )


def page(
    *, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], lines: Sequence[str]
) -> str:
    """Return the report as one HTML page; the last cell of a row is its CSS class."""
    table = html_table(rows, head=columns, classes=[row[-1] for row in rows])
    items = "".join(f"<li>{escaped(line)}</li>\n" for line in lines)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        f"<title>{escaped(title)}</title>\n"
        f"<style>{STYLE}</style></head>\n<body><h1>{escaped(title)}</h1>\n"
        f"{table}<ul>\n{items}</ul></body></html>\n"
    )
