"""`hounsfield inspect`: what is there, and what is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Exit, Option

from hounsfield.cli.errors import FAILED, NO_CASE, about
from hounsfield.cli.reading import Reading
from hounsfield.cli.terminal import Terminal, as_options, error_line, inert
from hounsfield.dataset.discover import several

if TYPE_CHECKING:
    from hounsfield.io.report import Inspection

COLUMNS = (
    "id",
    "kind",
    "slices",
    "size",
    "spacing mm",
    "gaps mm",
    "axes",
    "tilt",
    "kernel",
    "codec",
    "quantity",
    "values",
    "verdict",
)
RIGHT = ("slices", "tilt")
SPARE = ("codec", "kernel", "values", "axes", "quantity", "tilt", "gaps mm", "size", "spacing mm")
"""What is left out first on a narrow screen; tilt and gaps are said below the table too, where they matter."""

SHOWN_GAPS = 3


def inspect(
    terminal: Terminal,
    reading: Reading,
    path: Annotated[
        Path,
        Argument(
            readable=False, help="A folder, an archive, or a file: DICOM, NIfTI, NRRD, npy ..."
        ),
    ],
    html: Annotated[Path | None, Option(metavar="FILE", help="Write a page of HTML too.")] = None,
    values: Annotated[
        bool,
        Option(
            "--values",
            help="Read the voxels of image files too: their range, and whether they can be HU.",
        ),
    ] = False,
    paths: Annotated[
        bool, Option("--paths", help="Add the names of files to --json, relative to PATH.")
    ] = False,
    strict: Annotated[
        bool, Option("--strict", help="End with 1 if any series is refused.")
    ] = False,
) -> None:
    """Say what lies at a path, series by series: sizes, spacing, gaps, tilt, units, and whether it can be read."""
    from hounsfield.dataset.inspect import inspect as look

    with about(path), terminal.progress("reading headers") as progress:
        found = look(
            path, policy=reading.policy, series=reading.series, values=values, progress=progress
        )
    if html is not None:
        _write_page(found, html, title=path.name)
    if terminal.json:
        terminal.data(found.to_json(paths=paths))
    else:
        print_inspection(terminal, found)
    if not found:
        error_line(f"{path}: there is no CT there that can be read")
        raise Exit(NO_CASE if all(each.code == "NOT_DICOM" for each in found.other) else FAILED)
    if strict and any(one.verdict == "refused" for one in found):
        raise Exit(FAILED)


def print_inspection(terminal: Terminal, found: Inspection) -> None:
    """The table, a line for each reason, and what else lies there."""
    if found:
        terminal.table(COLUMNS, table_rows(found), right=RIGHT, spare=SPARE)
    for line in reason_lines(found):
        terminal.text(as_options(inert(line)))
    if found.other:
        terminal.say(
            several(len(found.other), "other file")
            + ("" if terminal.verbose else " (-v says which)")
        )
    for each in found.other:
        terminal.detail(
            f"  {each.name}: {each.code}" + (f": {each.message}" if each.message else "")
        )


def table_rows(found: Inspection) -> list[tuple[str, ...]]:
    """A row of text for each series."""
    rows: list[tuple[str, ...]] = []
    for one in found:
        row = one.to_json()
        gaps = row["gaps_mm"]
        shown = ", ".join(f"{mm:.4g} x {count}" for mm, count in gaps[:SHOWN_GAPS])
        rows.append(
            (
                row["id"],
                row["kind"],
                str(row["slices"]),
                _times(row["shape"]),
                _times(row["spacing_mm"] or []),
                shown + (" ..." if len(gaps) > SHOWN_GAPS else ""),
                row["orientation"],
                f"{row['tilt_deg']:.1f}" if row["tilt_deg"] > SHOWN_TILT_DEG else "",
                row["kernel"],
                row["codec"] or row["dtype"],
                row["quantity"],
                _times(row["value_range"] or [], " to "),
                row["verdict"],
            )
        )
    return rows


def reason_lines(found: Inspection) -> list[str]:
    """A line for each reason, with the codes that the docs explain."""
    return [
        f"{one.id}  {reason.code}: {reason.message}"
        + (f"  [{reason.file_names}]" if reason.files else "")
        for one in found
        for reason in one.reasons
    ]


SHOWN_TILT_DEG = 0.05
"""Tilts that would be printed as 0.0 are left out."""


def _times(values: list[float], between: str = " x ") -> str:
    return between.join(f"{value:.4g}" for value in values)


def _write_page(found: Inspection, path: Path, *, title: str) -> None:
    from hounsfield.cli.page import page
    from hounsfield.io.bytes.atomic import write_text

    with about(path):
        write_text(
            path,
            page(
                title=f"Inspection of {title}",
                columns=COLUMNS,
                rows=table_rows(found),
                lines=reason_lines(found),
            ),
        )
