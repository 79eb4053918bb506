"""Write the points of a case in voxels of its output and in mm."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.display import counted
from hounsfield.core.grid import Grid
from hounsfield.core.points import Point, PointOnGrid, Triple, on_grid
from hounsfield.io.bytes.atomic import write_text

POINTS = "points.csv"

COLUMNS = (
    "id",
    "label",
    *("x_mm", "y_mm", "z_mm"),
    *("size_x_mm", "size_y_mm", "size_z_mm"),
    *("i", "j", "k"),
    *("size_i", "size_j", "size_k"),
    "inside",
    "slice",
)
"""Positions in RAS+ mm of the world and in voxels of the output; sizes of boxes; the number of the
slice file of a run that writes one for each."""


def write_points(
    points: Sequence[Point], folder: Path, *, case_id: str, grid: Grid, is_split: bool
) -> tuple[Diagnostic, ...]:
    """Write points.csv for the output `grid`; returns a warning for points outside of it.

    Nothing is written without points. Raises WriteError.
    """
    if not points:
        return ()
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    made = [on_grid(point, grid) for point in points]
    for point, at in zip(points, made, strict=True):
        number = _slice_of(at, grid) if is_split else ""
        rows.writerow([case_id, *_cells(point, at), number])
    write_text(folder / POINTS, text.getvalue())
    return _outside(made)


def _cells(point: Point, at: PointOnGrid) -> list[str]:
    return [
        point.label,
        *_texts(point.position_ras_mm),
        *_texts(point.size_mm),
        *_texts(at.index),
        *_texts(at.size_voxels),
        at.inside,
    ]


def _slice_of(at: PointOnGrid, grid: Grid) -> str:
    """Return the number of the slice with the point, or the centre of the box; '' if outside."""
    number, last = math.floor(at.index[2] + 0.5), grid.shape[2] - 1
    is_outside = at.inside == "no" or not -1 < number <= last + 1
    return "" if is_outside else str(min(number, last))


def _texts(values: Triple | None) -> tuple[str, ...]:
    """Return numbers with four decimals, or three empty cells."""
    return ("", "", "") if values is None else tuple(f"{round(v, 4) + 0.0:.4f}" for v in values)


def _outside(made: Sequence[PointOnGrid]) -> tuple[Diagnostic, ...]:
    count = sum(at.inside != "yes" for at in made)
    if not count:
        return ()
    message = (
        f"{count} of {counted(len(made), 'point')} {'is' if count == 1 else 'are'} not wholly "
        f"inside the output; kept, see {POINTS}"
    )
    return (Diagnostic("POINT_OUTSIDE", "warning", message, value=float(count)),)
