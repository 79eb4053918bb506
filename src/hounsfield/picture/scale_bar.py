"""Draw a scale bar with its length."""

from __future__ import annotations

from hounsfield.picture.canvas import GREY, Canvas, text_width_px

SCALE_BARS_MM = (1, 2, 5, 10, 20, 50, 100, 200, 500)
"""Lengths of the scale bar."""

SCALE_BAR_TEXTS = 10
"""Largest length of the scale bar, in text heights."""


def scale_bar(
    canvas: Canvas, *, top: int, right: int, px_per_mm: float, text_px: int, room_px: int
) -> None:
    """Draw the longest scale bar that fits, with its length."""
    longest_px = min(
        room_px - text_width_px("500 mm", text_px) - text_px, SCALE_BAR_TEXTS * text_px
    )
    lengths = [length for length in SCALE_BARS_MM if length * px_per_mm <= longest_px]
    if not lengths:
        return
    left = right - round(lengths[-1] * px_per_mm)
    canvas.line(top=top, left=left, bottom=top, right=right)
    for column in (left, right):
        canvas.line(top=top - text_px // 4, left=column, bottom=top + text_px // 4, right=column)
    canvas.text(
        f"{lengths[-1]:g} mm",
        top=top,
        left=left - text_px // 2,
        size_px=text_px,
        color=GREY,
        anchor="rm",
    )


def smallest_bar_px(*, px_per_mm: float, text_px: int) -> int:
    """The room that a scale bar of at least one text height needs, with its length."""
    length = next((mm for mm in SCALE_BARS_MM if mm * px_per_mm >= text_px), SCALE_BARS_MM[-1])
    return text_width_px("500 mm", text_px) + round(length * px_per_mm) + 2 * text_px
