"""Mark slices that were interpolated, as no scanner acquired them."""

from __future__ import annotations

from hounsfield.picture.canvas import MARK, Canvas
from hounsfield.picture.render import Scene
from hounsfield.picture.section import Section, interpolated_spans

INTERPOLATED = "orange: interpolated slices"
"""What the caption says of the marks."""

MARK_PX = 3
"""Width of a mark along the side of a section."""


def mark_interpolated(
    canvas: Canvas, view: Scene, section: Section, *, top: int, left: int, size: tuple[int, int]
) -> None:
    """Frame an interpolated section; mark interpolated rows or columns of one across the slices."""
    rows, columns = size
    bottom, right = top + rows - 1, left + columns - 1
    if section.is_interpolated:
        for offset in range(MARK_PX):
            ends = (top + offset, left + offset, bottom - offset, right - offset)
            _frame(canvas, *ends)
        return
    for start, stop, is_row in interpolated_spans(view.grid, section, view.interpolated):
        side = rows if is_row else columns
        first, last = int(start * side), max(int(start * side), int(stop * side) - 1)
        if is_row:
            for edge in (left, right - MARK_PX + 1):
                canvas.box(
                    top=top + first,
                    left=edge,
                    bottom=top + last,
                    right=edge + MARK_PX - 1,
                    color=MARK,
                )
        else:
            for edge in (top, bottom - MARK_PX + 1):
                canvas.box(
                    top=edge,
                    left=left + first,
                    bottom=edge + MARK_PX - 1,
                    right=left + last,
                    color=MARK,
                )


def _frame(canvas: Canvas, top: int, left: int, bottom: int, right: int) -> None:
    canvas.line(top=top, left=left, bottom=top, right=right, color=MARK)
    canvas.line(top=bottom, left=left, bottom=bottom, right=right, color=MARK)
    canvas.line(top=top, left=left, bottom=bottom, right=left, color=MARK)
    canvas.line(top=top, left=right, bottom=bottom, right=right, color=MARK)
