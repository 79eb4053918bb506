"""Read a CSV file of images, labels, ids, patients, splits and points."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from hounsfield.core.display import counted
from hounsfield.core.errors import ReadError, unreadable
from hounsfield.dataset.case import DEFAULT_LABEL, LabelSource, NoCase
from hounsfield.dataset.case_ids import is_plain
from hounsfield.dataset.layouts.entry import Contents, Entry
from hounsfield.io.bytes.case_id import patient_id
from hounsfield.io.bytes.remote import url_of
from hounsfield.io.bytes.text import read_short_text

SUFFIXES = (".csv", ".tsv")
"""Suffixes of tables."""

COLUMNS = ("image", "label", "id", "patient", "split", "points")
"""The columns of a table, next to label_<name>; only image is required."""

LABEL_PREFIX = "label_"
"""The start of the name of a column of labels with a name."""

LARGEST_BYTES = 64 << 20
"""The largest table: a million rows of 60 characters fit."""

MOST_ROWS = 1_000_000
MOST_COLUMNS = 200
"""The most rows and columns of a table; the largest label sets have about 120 labels."""


def read_table(path: Path, typed: str) -> Contents:
    """Return the images of a table; a row that cannot be used is a problem with its line.

    Separators are commas, semicolons or tabs, whichever the header has most; paths are relative to
    the folder of the table. Raises ReadError if the table itself cannot be used.
    """
    rows = _rows(path)
    header = next(rows, _Row(1, ()))
    columns = _columns(header.cells, path)
    table = _Table(path, typed, columns)
    made: list[tuple[int, Entry]] = []
    problems: list[NoCase] = []
    for row in rows:
        result = table.entry(row)
        if isinstance(result, NoCase):
            problems.append(result)
        elif result is not None:
            made.append((row.line, result))
    repeated = dict(_repeated(made))
    problems += [table.problem(line, text) for line, text in repeated.items()]
    entries = tuple(entry for line, entry in made if line not in repeated)
    return Contents(entries=entries, problems=tuple(problems))


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    cells: tuple[str, ...]


def _rows(path: Path) -> Iterator[_Row]:
    """Yield the rows that are not empty, the header first, with the number of their last line."""
    text = read_short_text(path, largest_bytes=LARGEST_BYTES).removeprefix("\ufeff")
    first = text.lstrip("\r\n ").partition("\n")[0]
    separator = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        for count, cells in enumerate(reader):
            if count > MOST_ROWS:
                raise _bad(path, f"more than {MOST_ROWS} rows; split the table")
            if any(cell.strip() for cell in cells):
                yield _Row(reader.line_num, tuple(cell.strip() for cell in cells))
    except csv.Error as error:
        raise _bad(path, f"line {reader.line_num} is not CSV ({error})") from None


def _bad(path: Path, message: str) -> ReadError:
    return unreadable(str(path), message, code="BAD_TABLE")


def _columns(cells: Sequence[str], path: Path) -> tuple[str, ...]:
    """Return the names of the columns in lower case; those of labels keep their case."""
    if len(cells) > MOST_COLUMNS:
        raise _bad(path, f"{len(cells)} columns; expected at most {MOST_COLUMNS}")
    names = tuple(_column(cell) for cell in cells)
    for name in names:
        if name not in COLUMNS and not _is_label(name):
            near = get_close_matches(name, COLUMNS, n=1, cutoff=0.5)
            hint = f"; did you mean '{near[0]}'?" if near else ""
            expected = f"expected {', '.join(COLUMNS)} or {LABEL_PREFIX}NAME"
            raise _bad(path, f"unknown column '{_shown(name)}'; {expected}{hint}")
    labels = [_label_name(name).lower() for name in names if _is_label(name)]
    twice = [each for group in (names, labels) for each in group if group.count(each) > 1]
    if twice:
        raise _bad(path, f"two columns are called '{twice[0]}'; rename or remove one")
    if "image" not in names:
        raise _bad(path, "no column 'image'; the first line must name the columns")
    return names


def _column(cell: str) -> str:
    lower = cell.lower()
    if lower.startswith(LABEL_PREFIX):
        return LABEL_PREFIX + cell[len(LABEL_PREFIX) :]
    return lower


def _is_label(name: str) -> bool:
    return name == DEFAULT_LABEL or (name.startswith(LABEL_PREFIX) and is_plain(_label_name(name)))


def _label_name(name: str) -> str:
    return name.removeprefix(LABEL_PREFIX)


def _shown(name: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in name[:40])


@dataclass(frozen=True, slots=True)
class _Table:
    path: Path
    typed: str
    columns: tuple[str, ...]

    def entry(self, row: _Row) -> Entry | NoCase:
        """Return the entry of a row, or why it cannot be used."""
        if len(row.cells) != len(self.columns):
            expected = f"expected {len(self.columns)} as in the header"
            return self.problem(row.line, f"{counted(len(row.cells), 'cell')}; {expected}")
        cells = dict(zip(self.columns, row.cells, strict=True))
        reason = self._reason(cells)
        if reason:
            return self.problem(row.line, reason)
        labels = tuple(
            LabelSource(name=_label_name(name), path=self._file(cell))
            for name, cell in cells.items()
            if _is_label(name) and cell
        )
        points = cells.get("points", "")
        return Entry(
            path=self._file(cells["image"]),
            typed=url_of(cells["image"])
            or os.path.join(os.path.dirname(self.typed), cells["image"]),
            where=f"line {row.line}",
            id=cells.get("id", ""),
            labels=labels,
            points=self._file(points) if points else None,
            patient=patient_id(cells.get("patient", "")),
            split=cells.get("split", ""),
        )

    def _reason(self, cells: Mapping[str, str]) -> str:
        """Return why a row cannot be used, or ''."""
        if not cells["image"]:
            return "the image is missing"
        for name, cell in cells.items():
            is_path = _is_label(name) or name in ("image", "points")
            if is_path and url_of(cell):
                if name != "image":
                    return f"{name} is a URL; copy it to this machine (an image may be at a URL)"
            elif is_path and cell and not os.path.exists(self._file(cell)):
                return f"{name}: no such file or folder"
            if name in ("id", "split") and cell and not is_plain(cell):
                return f"{name} is not 1 to 40 letters, digits, _ or -, or is a reserved name"
        return ""

    def _file(self, cell: str) -> Path:
        """Return the path in a cell; a NUL, which no path has, is replaced."""
        return self.path.parent / cell.replace("\0", "?")

    def problem(self, line: int, message: str) -> NoCase:
        """Return a row that cannot be used; only the terminal shows its line."""
        return NoCase(typed=self.typed, code="BAD_ROW", message=message, where=f"line {line}")


def _repeated(made: Sequence[tuple[int, Entry]]) -> Iterator[tuple[int, str]]:
    """Yield the lines of ids that several rows have, and of images that repeat without an id."""
    ids: dict[str, list[int]] = {}
    images: dict[str, list[tuple[int, str]]] = {}
    for line, entry in made:
        ids.setdefault(entry.id.lower() or f"\0{line}", []).append(line)
        images.setdefault(os.path.realpath(entry.path), []).append((line, entry.id))
    for lines in (lines for lines in ids.values() if len(lines) > 1):
        for line in lines:
            other = next(each for each in lines if each != line)
            yield line, f"the id is that of line {other} too; ids must differ"
    for rows in (rows for rows in images.values() if len(rows) > 1):
        for line in (line for line, case_id in rows if not case_id):
            other = next(each for each, _ in rows if each != line)
            yield line, f"the image is that of line {other} too; give each row an id"
