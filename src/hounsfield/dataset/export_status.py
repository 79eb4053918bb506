"""Write the manifest of a run as CSV, JSON Lines or Parquet, without paths and names."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hounsfield.core.errors import MissingExtraError
from hounsfield.core.grid import Grid
from hounsfield.core.source import grid_of
from hounsfield.dataset.linkage import FORMULA
from hounsfield.dataset.manifest_schema import COLUMNS
from hounsfield.dataset.qc.suspicion import Suspect
from hounsfield.dataset.read_manifest import case_rows, reading_manifest_at
from hounsfield.io.bytes.atomic import atomic

_INTERNAL = ("key", "source_stamp")
"""Columns that only the next run needs."""

_NESTED = ("diagnostics", "qc", "record")
"""Columns of JSON text."""

_MEASURED = ("value", "unit", "status", "reason")
"""What a quality value of a case is."""

_PLAIN = tuple(name for name in COLUMNS if name not in _INTERNAL)

Row = dict[str, Any]


def read_rows(out: Path) -> Iterator[Row]:
    """Yield the columns of each case, with its diagnostics, quality values and record as data."""
    with reading_manifest_at(out) as connection:
        ids = [row["id"] for row in case_rows(connection, ("id",))]
        for row in case_rows(connection, _PLAIN, ids=ids):
            yield row | {name: json.loads(row[name] or "null") for name in _NESTED}


def with_suspicion(rows: Iterator[Row], found: Sequence[Suspect]) -> Iterator[Row]:
    """Yield rows with the rank of the case among the suspicious ones, its score and reasons."""
    ranks = {each.id: (rank, each) for rank, each in enumerate(found, start=1)}
    for row in rows:
        rank, case = ranks.get(row["id"], (None, None))
        yield row | {
            "suspicion_rank": rank,
            "suspicion": None if case is None else case.score,
            "suspicion_reasons": None if case is None else "; ".join(case.reasons),
        }


def flat_row(row: Mapping[str, Any]) -> Row:
    """Return the columns of a table: numbers and text, None for what is unknown."""
    plain = {name: value for name, value in row.items() if name not in _NESTED}
    return plain | _of_record(row["record"] or {}) | _of_quality(row["qc"] or {})


def _of_record(record: Mapping[str, Any]) -> Row:
    output = record.get("output", {})
    source = record.get("source", {}).get("geometry", {})
    return {
        **_of_grid("source", source.get("grid")),
        **_of_grid("output", output.get("grid")),
        "dtype": output.get("dtype"),
        "quantity": output.get("quantity"),
        "steps": " > ".join(step["step"] for step in record.get("steps", ())) or None,
    }


def _of_grid(name: str, data: Mapping[str, Any] | None) -> Row:
    """Return shape, spacing and orientation of a grid, a number in each column."""
    grid: Grid | None = None if data is None else grid_of(data)
    found: Row = {}
    for n, axis in enumerate("ijk"):
        found[f"{name}_shape_{axis}"] = None if grid is None else grid.shape[n]
    for n, axis in enumerate("ijk"):
        found[f"{name}_spacing_{axis}_mm"] = None if grid is None else float(grid.spacing_mm[n])
    return found | {f"{name}_orientation": None if grid is None else grid.orientation}


def _of_quality(quality: Mapping[str, Any]) -> Row:
    """Return quality values without bounds and sources, which are the same for all cases."""
    values = {
        name: {key: each[key] for key in _MEASURED if key in each}
        for name, each in quality.get("values", {}).items()
    }
    return _flattened("qc", {**quality, **({"values": values} if values else {})})


def _flattened(name: str, value: Any) -> Row:
    """Return the numbers and texts in nested data by their joined keys."""
    if isinstance(value, Mapping):
        return {
            key: each
            for inner, item in value.items()
            for key, each in _flattened(f"{name}_{inner}", item).items()
        }
    return {name: json.dumps(value) if isinstance(value, list) else _finite(value)}


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_csv(rows: Sequence[Row], path: Path) -> None:
    """Write rows as CSV; text that a spreadsheet would evaluate begins with a quote."""
    names = _names(rows)
    with atomic(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        for row in rows:
            writer.writerow([_cell(row.get(name)) for name in names])


def _cell(value: Any) -> Any:
    """Return an inert cell; numbers stay as they are, negative ones too."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def write_jsonl(rows: Iterator[Row], path: Path) -> None:
    """Write rows as JSON, one on each line."""
    with atomic(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        for row in rows:
            file.write(json.dumps(_strict(row), allow_nan=False) + "\n")


def _strict(value: Any) -> Any:
    """Return data without infinities and NaN, which JSON lacks."""
    if isinstance(value, Mapping):
        return {key: _strict(each) for key, each in value.items()}
    return [_strict(each) for each in value] if isinstance(value, list) else _finite(value)


def write_parquet(rows: Sequence[Row], path: Path) -> None:
    """Write rows as Parquet, a type for each column; raises MissingExtraError without pyarrow."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise MissingExtraError(
            "Parquet requires pyarrow, which is not installed; use pip install hounsfield[parquet]"
        ) from None
    columns = {name: [row.get(name) for row in rows] for name in _names(rows)}
    arrays = {name: _array(values, pyarrow) for name, values in columns.items()}
    with atomic(path) as temporary:
        pyarrow.parquet.write_table(pyarrow.table(arrays), temporary)


def _array(values: list[Any], pyarrow: Any) -> Any:
    """Return a column of one type: text if any value is text, else numbers."""
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {bool} and kinds:
        return pyarrow.array(values, pyarrow.bool_())
    if kinds <= {int, bool} and kinds:
        return pyarrow.array(values, pyarrow.int64())
    if kinds <= {int, float, bool} and kinds:
        return pyarrow.array([None if v is None else float(v) for v in values], pyarrow.float64())
    return pyarrow.array([None if v is None else str(v) for v in values], pyarrow.string())


def _names(rows: Sequence[Row]) -> list[str]:
    """Return the names of all columns, in the order of their first rows."""
    return list(dict.fromkeys(name for row in rows for name in row))
