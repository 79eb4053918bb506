"""The three planes through a point, side by side and at one scale."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hounsfield.core.arguments import checked
from hounsfield.core.errors import GeometryError
from hounsfield.core.grid import Grid
from hounsfield.core.volume import Volume
from hounsfield.picture.canvas import ACCENT, CROSS, GREY, MARK, WHITE, Canvas, text_width_px
from hounsfield.picture.interpolated import INTERPOLATED, mark_interpolated
from hounsfield.picture.picture import Picture
from hounsfield.picture.render import Scene, scene, size_px
from hounsfield.picture.scale_bar import scale_bar
from hounsfield.picture.section import (
    ACROSS,
    OBLIQUE_DEG,
    Convention,
    Plane,
    Section,
    axis_along,
    count_along,
    oblique_deg,
)
from hounsfield.picture.shade import WindowLike

PLANES: tuple[Plane, ...] = ("axial", "coronal", "sagittal")

HEIGHT_PX = 512
"""Height of the tallest section: the matrix size of most CT."""

NOTEBOOK_HEIGHT_PX = 256
"""Height in a notebook: three sections fit the width of a page."""

WIDEST = 1.6
"""Largest width of a section in heights; wider ones shrink the whole picture."""

TEXT_SHARE = 1 / 30
"""Text height as a part of the picture height; at least 12 pixels, to stay legible."""


@checked
def planes(
    volume: Volume,
    *,
    at_mm: Sequence[float] | None = None,
    fraction: Sequence[float] = (0.5, 0.5, 0.5),
    window: WindowLike = None,
    convention: Convention = "radiological",
    overlay: Volume | None = None,
    crosshair: bool = False,
    height_px: int = HEIGHT_PX,
) -> Picture:
    """Draw axial, coronal and sagittal sections through a point, true to mm, in one window.

    Parameters
    ----------
    volume : Volume
        What to draw.
    at_mm : sequence of float, optional
        The point, (R, A, S) in mm; None takes `fraction`.
    fraction : sequence of float, default (0.5, 0.5, 0.5)
        The point as a fraction of the field of view along R, A and S.
    window : str or (float, float), optional
        Name of a window, or its center and width; None is the default of the quantity.
    convention : {'radiological', 'neurological'}, default 'radiological'
        Whether the patient's right is at the left or at the right.
    overlay : Volume, optional
        A label map or mask on the same grid.
    crosshair : bool, default False
        Mark the point in each section.
    height_px : int, default 512
        Height of the tallest section, pixels.

    Returns
    -------
    Picture
        The sections side by side, with letters, scale bar and caption.

    Raises
    ------
    GeometryError
        If the point lies outside of the volume.
    QuantityError
        If the window does not fit the values.

    Notes
    -----
    An oblique volume is cut along its own axes; the caption gives the angle.

    Examples
    --------
    >>> ct = Volume.from_array(np.zeros((20, 20, 10), np.int16), affine=np.diag([-1, -1, 2, 1]))
    >>> planes(ct, height_px=200).array.shape
    (248, 648, 3)
    """
    if height_px < 16:
        raise GeometryError(f"picture height is {height_px} pixels; expected at least 16")
    indices = (
        _indices_at(volume.grid, at_mm) if at_mm is not None else _indices_of(volume.grid, fraction)
    )
    view = scene(volume, window=window, convention=convention, overlay=overlay)
    sections = [view.section(plane, indices[ACROSS[plane]]) for plane in PLANES]
    tallest, widest = (max(section.size_mm[side] for section in sections) for side in (0, 1))
    px_per_mm = min(height_px / tallest, WIDEST * height_px / widest)
    text_px = max(12, round(height_px * TEXT_SHARE))
    return _layout(
        view, sections, indices=indices, px_per_mm=px_per_mm, text_px=text_px, crosshair=crosshair
    )


def png(volume: Volume) -> bytes:
    """The three planes through the center of a volume as a PNG file, for a notebook."""
    return planes(volume, height_px=NOTEBOOK_HEIGHT_PX).png()


def _layout(
    view: Scene,
    sections: list[Section],
    *,
    indices: Sequence[int],
    px_per_mm: float,
    text_px: int,
    crosshair: bool,
) -> Picture:
    """Draw panels of one height side by side, a title above each, one caption below."""
    margin, band = text_px, text_px * 2
    sizes = [size_px(section, px_per_mm=px_per_mm) for section in sections]
    room = [text_width_px(f"{section.title}0000", text_px) for section in sections]
    height = max(*(rows for rows, _ in sizes), text_px * 8)
    widths = [max(columns, least) for (_, columns), least in zip(sizes, room, strict=True)]
    captioned = text_width_px(_caption(view), text_px) + 2 * margin
    canvas = Canvas(rows=height + 2 * band, columns=max(sum(widths) + 4 * margin, captioned))
    left = margin
    for section, (rows, columns), width in zip(sections, sizes, widths, strict=True):
        top, inset = band + (height - rows) // 2, left + (width - columns) // 2
        canvas.paste(view.pixels(section, rows=rows, columns=columns), top=top, left=inset)
        mark_interpolated(canvas, view, section, top=top, left=inset, size=(rows, columns))
        if crosshair:
            _cross(canvas, view.grid, section, indices=indices, bounds=(top, inset, rows, columns))
        _annotate(canvas, section, top=band, left=left, height=height, width=width, text_px=text_px)
        left += width + margin
    canvas.text(
        _caption(view),
        top=band + height + band // 2,
        left=margin,
        size_px=text_px,
        color=GREY,
        anchor="lm",
    )
    scale_bar(
        canvas,
        top=band + height + band // 2,
        right=left - margin,
        px_per_mm=px_per_mm,
        text_px=text_px,
        room_px=left - 2 * margin - captioned,
    )
    return canvas.picture()


def _annotate(
    canvas: Canvas, section: Section, *, top: int, left: int, height: int, width: int, text_px: int
) -> None:
    """Draw the title above a panel, and the letters of its four sides."""
    inset = max(4, text_px // 4)
    west, east, north, south = section.letters
    canvas.text(
        section.title,
        top=top // 2,
        left=left + width // 2,
        size_px=text_px,
        color=MARK if section.is_interpolated else WHITE,
        anchor="mm",
    )
    canvas.text(
        west, top=top + height // 2, left=left + inset, size_px=text_px, color=ACCENT, anchor="lm"
    )
    canvas.text(
        east,
        top=top + height // 2,
        left=left + width - inset,
        size_px=text_px,
        color=ACCENT,
        anchor="rm",
    )
    canvas.text(
        north, top=top + inset, left=left + width // 2, size_px=text_px, color=ACCENT, anchor="ma"
    )
    canvas.text(
        south,
        top=top + height - inset,
        left=left + width // 2,
        size_px=text_px,
        color=ACCENT,
        anchor="md",
    )


def _cross(
    canvas: Canvas,
    grid: Grid,
    section: Section,
    *,
    indices: Sequence[int],
    bounds: tuple[int, int, int, int],
) -> None:
    """Draw a line along each of the two other planes."""
    top, left, rows, columns = bounds
    west, _, north, _ = section.letters
    for letter, size, is_row in ((north, rows, True), (west, columns, False)):
        world = next(axis for axis, pair in enumerate(("LR", "PA", "IS")) if letter in pair)
        count = count_along(grid, world)
        steps = count - 1 - indices[world] if letter in "RAS" else indices[world]
        at = min(size - 1, int((steps + 0.5) / count * size))
        if is_row:
            canvas.line(
                top=top + at, left=left, bottom=top + at, right=left + columns - 1, color=CROSS
            )
        else:
            canvas.line(
                top=top, left=left + at, bottom=top + rows - 1, right=left + at, color=CROSS
            )


def _caption(view: Scene) -> str:
    off = oblique_deg(view.grid)
    spacing = " x ".join(
        f"{view.grid.spacing_mm[axis_along(view.grid, world)[0]]:.3g}" for world in range(3)
    )
    parts = [view.shades.caption, f"{spacing} mm", view.convention]
    if off > OBLIQUE_DEG:
        parts.append(f"oblique {off:.0f}°")
    if view.has_interpolated:
        parts.append(INTERPOLATED)
    return "      ".join(parts)


def _indices_of(grid: Grid, fraction: Sequence[float]) -> tuple[int, ...]:
    """Section indices at fractions of the field of view along R, A and S."""
    if len(fraction) != 3 or not all(0.0 <= part <= 1.0 for part in fraction):
        raise GeometryError(
            f"invalid fraction {tuple(fraction)}; expected three numbers from 0 to 1 (R, A, S)"
        )
    counts = [count_along(grid, world) for world in range(3)]
    return tuple(
        min(count - 1, int(part * count)) for part, count in zip(fraction, counts, strict=True)
    )


def _indices_at(grid: Grid, at_mm: Sequence[float]) -> tuple[int, ...]:
    """Section indices of the voxel at a point in RAS+ mm."""
    point = np.asarray(at_mm, dtype=np.float64)
    if point.shape != (3,) or not np.isfinite(point).all():
        raise GeometryError("invalid point; expected three finite numbers in mm (R, A, S)")
    index = np.floor(grid.index(point) + 0.5 + 1e-6)
    if np.any(index < 0) or np.any(index >= np.array(grid.shape)):
        faces = np.stack([grid.corners_mm.min(axis=0), grid.corners_mm.max(axis=0)], axis=1)
        spans = ", ".join(
            f"{letter} {low:.1f} to {high:.1f}"
            for letter, (low, high) in zip("RAS", faces, strict=True)
        )
        raise GeometryError(
            f"point {tuple(point.tolist())} mm is outside the volume; expected {spans} mm"
        )
    codes = grid.axis_codes
    numbers = {
        world: int(index[axis]) if sign > 0 else grid.shape[axis] - 1 - int(index[axis])
        for axis, (world, sign) in enumerate(codes)
    }
    return tuple(numbers[world] for world in range(3))
