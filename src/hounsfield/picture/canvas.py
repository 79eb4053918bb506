"""A canvas for sections, lines and text; the only module that draws with Pillow."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hounsfield.picture.picture import Picture
from hounsfield.picture.shade import Pixels

Color = tuple[int, int, int]

WHITE: Color = (235, 235, 235)
GREY: Color = (150, 150, 150)
BLACK: Color = (0, 0, 0)
ACCENT: Color = (255, 205, 80)
CROSS: Color = (70, 150, 190)
MARK: Color = (255, 140, 0)
"""Orange, the color of marks of interpolated slices."""

OUTLINE_PX = 2
"""Width of the dark outline that keeps text legible on bright bone."""


@lru_cache(maxsize=8)
def _font(size_px: int) -> Any:
    from PIL import ImageFont

    font = ImageFont.load_default(size_px)
    # Every build of Pillow has the basic layout: the same text gives the same pixels everywhere.
    return (
        font.font_variant(layout_engine=ImageFont.Layout.BASIC)
        if hasattr(font, "font_variant")
        else font
    )


def text_width_px(text: str, size_px: int) -> int:
    """The width of a text."""
    return int(np.ceil(_font(size_px).getlength(text)))


def scaled(values: NDArray[Any], *, rows: int, columns: int, smooth: bool) -> NDArray[np.float32]:
    """Resize `values` (rows, columns) between its outer faces; any dtype in, float32 out.

    `smooth` is bilinear, averaging over the area of a pixel when it shrinks; else nearest neighbor.
    """
    from PIL import Image

    method = Image.Resampling.BILINEAR if smooth else Image.Resampling.NEAREST
    flat = Image.fromarray(np.ascontiguousarray(values, dtype=np.float32))
    return np.asarray(flat.resize((columns, rows), method), dtype=np.float32)


class Canvas:
    """An image of `rows` x `columns` pixels to draw on, which then becomes a Picture."""

    def __init__(self, *, rows: int, columns: int, color: Color = BLACK) -> None:
        from PIL import Image, ImageDraw

        self._image = Image.new("RGB", (columns, rows), color)
        self._draw = ImageDraw.Draw(self._image)

    def paste(self, pixels: Pixels, *, top: int, left: int) -> None:
        """Paste pixels (rows, columns, 3) or grey values (rows, columns)."""
        from PIL import Image

        colors = pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, axis=2)
        self._image.paste(Image.fromarray(np.ascontiguousarray(colors)), (left, top))

    def text(
        self,
        text: str,
        *,
        top: int,
        left: int,
        size_px: int,
        color: Color = WHITE,
        anchor: Literal["la", "ma", "ra", "lm", "mm", "rm", "ld", "md", "rd"] = "la",
    ) -> None:
        """Draw text; `anchor` is the point of it at (top, left): l, m or r, then a, m or d."""
        self._draw.text(
            (left, top),
            text,
            font=_font(size_px),
            fill=color,
            anchor=anchor,
            stroke_width=OUTLINE_PX,
            stroke_fill=BLACK,
        )

    def line(self, *, top: int, left: int, bottom: int, right: int, color: Color = GREY) -> None:
        """Draw a line one pixel wide, both ends included."""
        self._draw.line((left, top, right, bottom), fill=color)

    def box(self, *, top: int, left: int, bottom: int, right: int, color: Color) -> None:
        """Draw a filled rectangle, both ends included."""
        self._draw.rectangle((left, top, right, bottom), fill=color)

    def picture(self) -> Picture:
        """The picture drawn so far."""
        return Picture(np.array(self._image, dtype=np.uint8))
