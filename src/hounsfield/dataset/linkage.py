"""The linkage file, outside of the output folder: the path and the series UID of each case id."""

from __future__ import annotations

import csv
import io
import os
import stat
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import HounsfieldError, PipelineError, ReadError, WriteError
from hounsfield.dataset.case import CaseSource
from hounsfield.io.bytes.atomic import write_bytes
from hounsfield.io.bytes.gzip.read import reading
from hounsfield.io.bytes.search import leads_out

HEADER = ("id", "path", "series_uid")

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "'")
"""First characters of cells that a spreadsheet evaluates (OWASP, CSV injection), and the quote."""

LARGEST_BYTES = 1 << 30
"""The largest linkage file that is read; a million links have a quarter of it."""

LONGEST_UID = 1024
"""Characters of a series UID that are written; PS3.5 section 9.1 allows 64."""

FILE_MODE, FOLDER_MODE = 0o600, 0o700
"""Only the user reads the file and its folder."""


@dataclass(frozen=True, slots=True)
class Link:
    """The source of a case."""

    id: str
    path: str
    series_uid: str = ""


def linkage_folder() -> Path:
    """Return $XDG_STATE_HOME/hounsfield/linkage, by default under ~/.local/state."""
    base = os.environ.get("XDG_STATE_HOME") or os.path.join(
        os.path.expanduser("~"), ".local", "state"
    )
    return Path(base) / "hounsfield" / "linkage"


def linkage_file(run_id: str) -> Path:
    """Return the default linkage file of a run."""
    return linkage_folder() / f"{run_id}.csv"


def check_outside(path: Path, out: Path) -> None:
    """Raise PipelineError if a linkage file would be in the output folder; links are resolved."""
    if leads_out(path, out):
        return
    message = (
        "the linkage file would be in the output folder, which may be shared; choose another file "
        "with --linkage, or use --no-linkage"
    )
    raise PipelineError(Diagnostic("LINKAGE", "refusal", message, str(path)))


def links_of(cases: Iterable[CaseSource]) -> list[Link]:
    """Return the links of cases, with absolute paths."""
    return [
        Link(
            case.id,
            case.typed if case.remote is not None else os.path.abspath(case.path),
            case.series_uid[:LONGEST_UID],
        )
        for case in cases
    ]


def linker(
    cases: Iterable[CaseSource], out: Path, *, file: Path | None, problem: Callable[[str], None]
) -> Callable[[str], None]:
    """Return a function of the id of a run that writes its linkage file; None is the default file.

    A default file that cannot be written is reported with `problem`. Raises PipelineError if the
    file would be in the output folder, ReadError if `file` is another file.
    """
    links = links_of(cases)
    check_outside(linkage_folder() if file is None else file, out)
    if file is not None and file.exists():
        read_links(file)

    def link(run_id: str) -> None:
        if file is not None:
            add_links(file, links)
            return
        try:
            add_links(linkage_file(run_id), links)
        except (HounsfieldError, OSError) as error:
            problem(str(error))

    return link


def add_links(path: Path, links: Sequence[Link]) -> None:
    """Add links to a linkage file, which is created with mode 0600; earlier links are kept.

    Raises ReadError if another file is there, WriteError.
    """
    earlier = read_links(path) if os.path.exists(path) else []
    rows = list(dict.fromkeys((*(each for each in earlier if each not in links), *links)))
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow(HEADER)
    writer.writerows([_inert(link.id), _inert(link.path), _inert(link.series_uid)] for link in rows)
    try:
        _make_folder(path.parent)
        write_bytes(path, text.getvalue().encode("utf-8", "surrogateescape"), mode=FILE_MODE)
    except (OSError, HounsfieldError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        message = f"the linkage file cannot be written ({reason}); use --linkage or --no-linkage"
        raise WriteError(Diagnostic("LINKAGE", "refusal", message, str(path))) from None


def read_links(path: Path) -> list[Link]:
    """Return the links of a linkage file in order; raises ReadError."""
    with reading("linkage"):
        status = path.stat()
        is_text = stat.S_ISREG(status.st_mode) and status.st_size <= LARGEST_BYTES
        text = path.read_bytes().decode("utf-8", "surrogateescape") if is_text else ""
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error:
        rows = []
    if not rows or tuple(rows[0]) != HEADER or any(len(row) != len(HEADER) for row in rows):
        message = f"not a linkage file; expected a CSV file with the columns {', '.join(HEADER)}"
        raise ReadError(Diagnostic("LINKAGE", "refusal", message, str(path)))
    return [Link(*(_original(cell) for cell in row)) for row in rows[1:]]


def _make_folder(folder: Path) -> None:
    """Create a folder and those above it that are missing, all with mode 0700."""
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir(mode=FOLDER_MODE, exist_ok=True)


def _inert(cell: str) -> str:
    """Put a quote before a cell that a spreadsheet would evaluate as a formula."""
    return f"'{cell}" if cell.startswith(FORMULA) else cell


def _original(cell: str) -> str:
    return cell[1:] if cell.startswith("'") else cell
