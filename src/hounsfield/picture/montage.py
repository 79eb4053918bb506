"""Montage of many sections of one plane, in one window."""

from __future__ import annotations

import math

import numpy as np

from hounsfield.core.arguments import checked
from hounsfield.core.errors import GeometryError
from hounsfield.core.grid import Grid
from hounsfield.core.volume import Volume
from hounsfield.picture.canvas import ACCENT, MARK, WHITE, Canvas, text_width_px
from hounsfield.picture.interpolated import INTERPOLATED, mark_interpolated
from hounsfield.picture.picture import Picture
from hounsfield.picture.render import Scene, scene, size_px
from hounsfield.picture.scale_bar import scale_bar, smallest_bar_px
from hounsfield.picture.section import ACROSS, Convention, Plane, Section, positions_mm
from hounsfield.picture.shade import WindowLike

ROWS, COLUMNS = 4, 6
"""Default layout: 24 sections, as many as stay readable on a screen."""

TILE_PX = 256
"""Length of the longer side of a tile."""

TEXT_PX = 14


@checked
def montage(
    volume: Volume,
    *,
    rows: int | None = None,
    columns: int | None = None,
    plane: Plane = "axial",
    start_mm: float | None = None,
    stop_mm: float | None = None,
    window: WindowLike = None,
    convention: Convention = "radiological",
    overlay: Volume | None = None,
    tile_px: int = TILE_PX,
) -> Picture:
    """Draw sections of one plane, evenly spread and ascending, in one window.

    Parameters
    ----------
    volume : Volume
        What to draw.
    rows : int, optional
        Rows of the sheet (default: 4).
    columns : int, optional
        Columns of the sheet (default: 6).
    plane : {'axial', 'coronal', 'sagittal'}, default 'axial'
        The plane of the sections.
    start_mm : float, optional
        Position of the first section, RAS+ mm along the axis of the plane (axial S, coronal A,
        sagittal R); None is the end of the volume.
    stop_mm : float, optional
        Position of the last section, in the same way.
    window : str or (float, float), optional
        Name of a window, or its center and width; None is the default of the quantity.
    convention : {'radiological', 'neurological'}, default 'radiological'
        Whether the patient's right is at the left or at the right.
    overlay : Volume, optional
        A label map or mask on the same grid.
    tile_px : int, default 256
        Longer side of a section, pixels.

    Returns
    -------
    Picture
        The sheet, each section with its position in mm; smaller where there are fewer sections.

    Raises
    ------
    GeometryError
        If no section lies between the bounds.
    QuantityError
        If the window does not fit the values.

    Examples
    --------
    >>> ct = Volume.from_array(np.zeros((20, 20, 3), np.int16), affine=np.diag([-1, -1, 2, 1]))
    >>> montage(ct, rows=1, columns=9, tile_px=100).array.shape
    (150, 436, 3)
    """
    if any(count is not None and count < 1 for count in (rows, columns)) or tile_px < 16:
        raise GeometryError(
            "invalid montage; expected at least 1 row, 1 column and tiles of 16 pixels"
        )
    view = scene(volume, window=window, convention=convention, overlay=overlay)
    across, down = columns or COLUMNS, rows or ROWS
    indices = _chosen(volume.grid, plane, start_mm=start_mm, stop_mm=stop_mm, most=across * down)
    across = min(across, len(indices))
    sections = [view.section(plane, index) for index in indices]
    return _layout(view, sections, columns=across, tile_px=tile_px)


def _layout(view: Scene, sections: list[Section], *, columns: int, tile_px: int) -> Picture:
    height, width = size_px(sections[0], px_per_mm=tile_px / max(sections[0].size_mm))
    title = TEXT_PX + 8
    cell_height = max(height, TEXT_PX * 3) + title
    cell_width = max(
        width, max(text_width_px(section.position, TEXT_PX) for section in sections) + 8
    )
    gap, band = 4, 2 * TEXT_PX
    rows = math.ceil(len(sections) / columns)
    captioned = text_width_px(_caption(view, sections[0]), TEXT_PX) + 16
    px_per_mm = height / sections[0].size_mm[0]
    least = captioned + smallest_bar_px(px_per_mm=px_per_mm, text_px=TEXT_PX)
    sheet = max(columns * (cell_width + gap) - gap, least)
    canvas = Canvas(rows=rows * (cell_height + gap) - gap + band, columns=sheet)
    for n, section in enumerate(sections):
        row, column = divmod(n, columns)
        top, left = row * (cell_height + gap), column * (cell_width + gap)
        inset = title + (cell_height - title - height) // 2
        pixels = view.pixels(section, rows=height, columns=width)
        at, margin = top + inset, left + (cell_width - width) // 2
        canvas.paste(pixels, top=at, left=margin)
        mark_interpolated(canvas, view, section, top=at, left=margin, size=(height, width))
        _annotate(canvas, section, top=top, left=left, title=title, size=(cell_height, cell_width))
    canvas.text(
        _caption(view, sections[0]),
        top=rows * (cell_height + gap) - gap + band // 2,
        left=8,
        size_px=TEXT_PX,
        anchor="lm",
    )
    scale_bar(
        canvas,
        top=rows * (cell_height + gap) - gap + band // 2,
        right=sheet - 8,
        px_per_mm=px_per_mm,
        text_px=TEXT_PX,
        room_px=sheet - captioned,
    )
    return canvas.picture()


def _annotate(
    canvas: Canvas, section: Section, *, top: int, left: int, title: int, size: tuple[int, int]
) -> None:
    """Draw the position above a tile, and the letters of its left and right side."""
    height, width = size
    west, east, _, _ = section.letters
    middle = top + title + (height - title) // 2
    canvas.text(
        section.position,
        top=top + title // 2,
        left=left + width // 2,
        size_px=TEXT_PX,
        color=MARK if section.is_interpolated else WHITE,
        anchor="mm",
    )
    canvas.text(west, top=middle, left=left + 5, size_px=TEXT_PX, color=ACCENT, anchor="lm")
    canvas.text(east, top=middle, left=left + width - 5, size_px=TEXT_PX, color=ACCENT, anchor="rm")


def _caption(view: Scene, section: Section) -> str:
    marks = f"      {INTERPOLATED}" if view.has_interpolated else ""
    return f"{section.plane}      {view.shades.caption}      {view.convention}{marks}"


def _chosen(
    grid: Grid, plane: Plane, *, start_mm: float | None, stop_mm: float | None, most: int
) -> list[int]:
    """The indices of at most `most` sections, evenly spread within the bounds."""
    positions = positions_mm(grid, ACROSS[plane]) if plane in ACROSS else np.zeros(0)
    if not len(positions):
        raise GeometryError(f"unknown plane '{plane}'; expected axial, coronal or sagittal")
    low = positions[0] if start_mm is None else start_mm
    high = positions[-1] if stop_mm is None else stop_mm
    inside = np.flatnonzero((positions >= low - 1e-6) & (positions <= high + 1e-6))
    if not len(inside):
        raise GeometryError(
            f"no {plane} section from {low:.1f} to {high:.1f} mm; "
            f"expected bounds within {positions[0]:.1f} to {positions[-1]:.1f} mm"
        )
    spread = np.rint(np.linspace(0, len(inside) - 1, min(most, len(inside)))).astype(int)
    return [int(inside[n]) for n in spread]
