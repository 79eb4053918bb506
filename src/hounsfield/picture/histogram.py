"""Histogram of a volume with the display window."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.arguments import checked
from hounsfield.core.volume import Volume
from hounsfield.picture.canvas import ACCENT, GREY, WHITE, Canvas, Color
from hounsfield.picture.picture import Picture
from hounsfield.picture.shade import Shades, WindowLike, shades

BINS = 256
"""Number of bins over the whole range; 16 HU each if the values span 12 bits."""

SIZE_PX = (420, 760)
TOP_PX, LEFT_PX, BOTTOM_PX, RIGHT_PX = 44, 112, 92, 28
TEXT_PX = 14
BARS: Color = (110, 150, 190)
SHADOW: Color = (46, 42, 26)
UNITS = {
    "hu": "Hounsfield units (HU)",
    "unit": "value (0 to 1)",
    "standardized": "standard deviations",
    "display": "display value (0 to 255)",
    "label": "label",
    "mask": "mask",
    "other": "value (not HU)",
}


@checked
def histogram(volume: Volume, *, window: WindowLike = None) -> Picture:
    """Draw the counts of all values on a logarithmic axis, with the window and its greys.

    Parameters
    ----------
    volume : Volume
        Whose values to count.
    window : str or (float, float), optional
        Name of a window, or its center and width; None is the default of the quantity.

    Returns
    -------
    Picture
        The histogram.

    Raises
    ------
    QuantityError
        If the window does not fit the values.

    Examples
    --------
    >>> ct = Volume.from_array(np.zeros((4, 4, 2), np.int16), affine=np.eye(4))
    >>> histogram(ct).array.shape
    (420, 760, 3)
    """
    shown = shades(volume, window)
    counts, low, step = _counts(volume)
    axes = _Axes(low, low + step * len(counts), max(1, int(counts.max())))
    canvas = Canvas(rows=SIZE_PX[0], columns=SIZE_PX[1])
    _draw_window(canvas, axes, shown)
    for n in np.flatnonzero(counts):
        left, right = axes.column(low + n * step), axes.column(low + (n + 1) * step)
        canvas.box(
            top=axes.row(counts[n]),
            left=left,
            bottom=axes.bottom,
            right=max(left, right - 1),
            color=BARS,
        )
    _draw_bounds(canvas, axes, shown)
    _draw_axes(canvas, axes, UNITS[volume.quantity])
    canvas.text(
        f"window   {shown.caption}",
        top=TOP_PX // 2,
        left=axes.right,
        size_px=TEXT_PX,
        color=ACCENT,
        anchor="rm",
    )
    return canvas.picture()


class _Axes:
    """Conversion of values and counts to columns and rows of the canvas."""

    bottom = SIZE_PX[0] - BOTTOM_PX
    right = SIZE_PX[1] - RIGHT_PX

    def __init__(self, low: float, high: float, most: int) -> None:
        self.low, self.high = low, high
        self.decades = max(1, math.ceil(math.log10(most + 1)))

    def column(self, value: float) -> int:
        part = min(1.0, max(0.0, (value - self.low) / (self.high - self.low)))
        return LEFT_PX + round(part * (self.right - LEFT_PX))

    def row(self, count: float) -> int:
        """The row of a count; the axis begins at a half, so that one voxel is visible."""
        part = math.log10(max(count, 0.5) * 2) / (self.decades + math.log10(2))
        return self.bottom - round(part * (self.bottom - TOP_PX))


def _counts(volume: Volume) -> tuple[NDArray[np.int64], float, float]:
    """Counts per bin, the lower bound of the first bin and the bin width (whole for integers)."""
    array = volume.array
    low, high = float(array.min()), float(array.max())
    if array.dtype.kind in "biu":
        step = float(math.ceil((high - low + 1) / BINS))
        size = math.ceil((high - low + 1) / step)
        low -= 0.5
    else:
        step, size = ((high - low) / BINS, BINS) if high > low else (1.0, 1)
    counts = np.zeros(size, dtype=np.int64)
    for k in range(array.shape[2]):
        bins = ((array[:, :, k].astype(np.float64) - low) / step).astype(np.intp)
        counts += np.bincount(np.minimum(bins, size - 1).ravel(), minlength=size)
    return counts, low, step


def _draw_window(canvas: Canvas, axes: _Axes, shown: Shades) -> None:
    """Draw the window as a shaded area behind the bars and as a grey scale below them."""
    canvas.box(
        top=TOP_PX,
        left=axes.column(shown.low),
        bottom=axes.bottom,
        right=axes.column(shown.high),
        color=SHADOW,
    )
    values = np.linspace(axes.low, axes.high, axes.right - LEFT_PX + 1)
    canvas.paste(np.tile(shown.grey(values), (10, 1)), top=axes.bottom + 6, left=LEFT_PX)


def _draw_bounds(canvas: Canvas, axes: _Axes, shown: Shades) -> None:
    for value in (shown.low, shown.high):
        if axes.low <= value <= axes.high:
            column = axes.column(value)
            canvas.line(
                top=TOP_PX, left=column, bottom=axes.bottom + 15, right=column, color=ACCENT
            )


def _draw_axes(canvas: Canvas, axes: _Axes, unit: str) -> None:
    canvas.line(top=axes.bottom, left=LEFT_PX, bottom=axes.bottom, right=axes.right)
    canvas.line(top=TOP_PX, left=LEFT_PX, bottom=axes.bottom, right=LEFT_PX)
    for value in _ticks(axes.low, axes.high):
        column = axes.column(value)
        canvas.line(top=axes.bottom + 16, left=column, bottom=axes.bottom + 21, right=column)
        canvas.text(
            f"{value:g}",
            top=axes.bottom + 25,
            left=column,
            size_px=TEXT_PX,
            color=WHITE,
            anchor="ma",
        )
    every = math.ceil(axes.decades / 6)
    for decade in range(0, axes.decades + 1, every):
        row = axes.row(10.0**decade)
        canvas.line(top=row, left=LEFT_PX - 5, bottom=row, right=LEFT_PX)
        canvas.text(
            f"{10**decade:,}", top=row, left=LEFT_PX - 9, size_px=TEXT_PX, color=WHITE, anchor="rm"
        )
    middle = (LEFT_PX + axes.right) // 2
    canvas.text(unit, top=SIZE_PX[0] - 22, left=middle, size_px=TEXT_PX, color=GREY, anchor="mm")
    canvas.text(
        "voxels", top=TOP_PX // 2, left=LEFT_PX - 9, size_px=TEXT_PX, color=GREY, anchor="rm"
    )


def _ticks(low: float, high: float) -> list[float]:
    """About ten round values within the range.

    >>> _ticks(-1024, 3071)
    [-1000.0, -500.0, 0.0, 500.0, 1000.0, 1500.0, 2000.0, 2500.0, 3000.0]
    """
    rough = (high - low) / 10
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= rough * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(n * step, 10) for n in range(first, last + 1)]
