"""Read landmarks and boxes from CSV files."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import PipelineError
from hounsfield.core.points import Point, Triple
from hounsfield.io.bytes.text import read_short_text
from hounsfield.io.dicom.labels.names import PLAIN

Frame = Literal["ras", "lps"]
"""The directions in which x, y and z ascend: right, anterior, superior; or left, posterior."""

LARGEST_BYTES = 64 << 20
"""Largest file; a million points of 60 characters fit."""

FARTHEST_MM = 1e5
"""Largest valid coordinate or size (100 m)."""

PROBLEMS_NAMED = 5
"""Lines that an error names."""

_NEEDED = ("label", "x", "y", "z")
_SIZES = ("size_x", "size_y", "size_z")
_COLUMNS = ("id", *_NEEDED, *_SIZES)

Row = tuple[str, Point]


def read_points(path: Path, *, frame: Frame) -> list[Row]:
    """Return (case id, point) for each row; the id is "" without such a column.

    Columns are label, x, y, z in mm, optionally id, size_x, size_y and size_z; separators are
    commas, semicolons or tabs, whichever the header has most. Raises PipelineError
    (POINTS) with the lines that are wrong, and ReadError if the file cannot be read.
    """
    text = read_short_text(path, largest_bytes=LARGEST_BYTES).removeprefix("\ufeff")
    first = text.lstrip("\r\n ").partition("\n")[0]
    separator = max(",;\t", key=first.count)
    lines = csv.reader(text.splitlines(keepends=True), delimiter=separator, strict=True)
    problems: list[str] = []
    rows = list(_rows(lines, problems, frame))
    if problems:
        raise _invalid(problems)
    return rows


def _rows(lines: Any, problems: list[str], frame: Frame) -> Iterator[Row]:
    columns: tuple[str, ...] = ()
    try:
        for cells in lines:
            if not columns:
                columns = _columns(cells)
            elif any(cell.strip() for cell in cells):
                try:
                    yield _row(columns, cells, frame)
                except ValueError as error:
                    problems.append(f"line {lines.line_num}: {error}")
    except csv.Error:
        problems.append(f"line {lines.line_num}: invalid CSV")
    if not columns and not problems:
        raise _invalid(["the file is empty; expected columns id, label, x, y, z"])


def _columns(cells: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the columns; raises PipelineError unless they are as expected."""
    names = tuple(cell.strip().lower() for cell in cells)
    missing = [name for name in _NEEDED if name not in names]
    sizes = [name for name in _SIZES if name in names]
    problems = [f"column {name} is missing" for name in missing]
    if any(name not in _COLUMNS for name in names) or len(set(names)) < len(names):
        problems.append(f"unknown or repeated column; expected {', '.join(_COLUMNS)}")
    if sizes and len(sizes) < len(_SIZES):
        problems.append(f"only {' and '.join(sizes)} of {', '.join(_SIZES)}")
    if problems:
        raise _invalid(problems)
    return names


def _row(columns: Sequence[str], cells: Sequence[str], frame: Frame) -> Row:
    """Return one point; raises ValueError with what is wrong, without quoting the file."""
    if len(cells) != len(columns):
        raise ValueError(f"{len(cells)} cells; expected {len(columns)}")
    row = {name: cell.strip() for name, cell in zip(columns, cells, strict=True)}
    if PLAIN.fullmatch(row["label"]) is None:
        raise ValueError("label is not 1 to 40 letters, digits, _ and -")
    x, y, z = (_number(row, name) for name in ("x", "y", "z"))
    sign = 1.0 if frame == "ras" else -1.0
    point = Point(
        label=row["label"], position_ras_mm=(sign * x + 0.0, sign * y + 0.0, z), size_mm=_size(row)
    )
    return row.get("id", ""), point


def _size(row: Mapping[str, str]) -> Triple | None:
    if not any(row.get(name) for name in _SIZES):
        return None
    x, y, z = (_number(row, name) for name in _SIZES)
    if min(x, y, z) <= 0:
        raise ValueError("a size is not positive; leave all three empty for a point")
    return (x, y, z)


def _number(row: Mapping[str, str], name: str) -> float:
    try:
        value = float(row[name])
    except ValueError:
        raise ValueError(f"{name} is not a number in mm") from None
    if not (math.isfinite(value) and abs(value) <= FARTHEST_MM):
        raise ValueError(f"{name} is not within {FARTHEST_MM:g} mm")
    return value + 0.0


def _invalid(problems: Sequence[str]) -> PipelineError:
    more = len(problems) - PROBLEMS_NAMED
    text = "; ".join(problems[:PROBLEMS_NAMED]) + (f" and {more} more" if more > 0 else "")
    return PipelineError([Diagnostic("POINTS", "refusal", f"points: {text}")])
