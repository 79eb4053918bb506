"""Values to greys and colours: one fixed window for everything that is shown together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.errors import GeometryError, QuantityError
from hounsfield.core.volume import Volume
from hounsfield.core.windows import window_named

WindowLike = str | tuple[float, float] | None
Pixels = NDArray[np.uint8]

DEFAULT_WINDOW = "soft-tissue"
"""What HU are shown with where nobody says otherwise: in heads and bodies alike it shows soft tissue."""

COLORS: tuple[tuple[int, int, int], ...] = (
    (230, 80, 70),
    (70, 170, 240),
    (90, 200, 100),
    (245, 190, 60),
    (180, 110, 230),
    (60, 205, 200),
    (240, 130, 190),
    (165, 200, 60),
    (120, 130, 240),
    (240, 140, 60),
    (150, 190, 220),
    (200, 160, 110),
)
"""Colours of labels 1, 2, 3, ... in turn, then the same darker: far apart from one another and from grey."""

DARKER = 0.6
"""How bright the second round of colours is, so that 24 labels can be told apart."""

OVERLAY_OPACITY = 0.25
"""How much of an overlay's colour hides the grey below it: the tissue must stay readable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shades:
    """Which values are black (`low` and below) and white (`high` and above), and how that is said in a caption."""

    low: float
    high: float
    caption: str

    def grey(self, values: NDArray[Any]) -> Pixels:
        """Values of any shape as greys, uint8: 255 (x - low) / (high - low), rounded, clamped."""
        scaled = (values.astype(np.float32) - np.float32(self.low)) * np.float32(
            255.0 / (self.high - self.low)
        )
        return np.asarray(np.rint(np.clip(scaled, 0.0, 255.0)), dtype=np.uint8)


def shades(volume: Volume, window: WindowLike) -> Shades:
    """The window to show a volume with: a name, (center, width), or None for the default of its quantity.

    Defaults: hu soft-tissue, unit 0 to 1, display 0 to 255, standardized -3 to 3, anything else its own full range.
    Raises QuantityError where a window by name is asked of what is not HU, or where a width is not over 0.
    """
    unit = "HU" if volume.quantity == "hu" else volume.quantity
    if window is None and volume.quantity == "hu":
        window = DEFAULT_WINDOW
    if window is None:
        low, high = _default_range(volume)
        return Shades(low=low, high=high, caption=f"{unit}   {low:g} to {high:g}")
    if isinstance(window, str) and volume.quantity != "hu":
        raise QuantityError(
            f"the window '{window}' is in HU, and this volume holds {volume.quantity}; "
            f"give (center, width) in its own values"
        )
    center, width = (
        window_named(window) if isinstance(window, str) else (float(window[0]), float(window[1]))
    )
    if not (np.isfinite(center) and np.isfinite(width) and width > 0):
        raise QuantityError(
            f"a window has a finite center and a width over 0, not {center:g} and {width:g}"
        )
    name = f"{window}   " if isinstance(window, str) else ""
    return Shades(
        low=center - width / 2,
        high=center + width / 2,
        caption=f"{name}C {center:g}  W {width:g}  {unit}",
    )


def _default_range(volume: Volume) -> tuple[float, float]:
    fixed = {
        "unit": (0.0, 1.0),
        "display": (0.0, 255.0),
        "standardized": (-3.0, 3.0),
        "mask": (0.0, 1.0),
    }
    if volume.quantity in fixed:
        return fixed[volume.quantity]
    low, high = float(volume.array.min()), float(volume.array.max())
    return (low, high) if high > low else (low, low + 1.0)


def colored(labels: NDArray[Any]) -> Pixels:
    """Whole labels (rows, columns) as colours (rows, columns, 3), uint8; 0 is black, the same label always the same."""
    palette = np.concatenate([np.array(COLORS), np.array(COLORS) * DARKER]).astype(np.uint8)
    whole = np.rint(labels).astype(np.int64)
    return np.where(whole[..., None] == 0, np.uint8(0), palette[(whole - 1) % len(palette)])


def overlaid(pixels: Pixels, labels: NDArray[Any]) -> Pixels:
    """`pixels` (rows, columns, 3) with labels (rows, columns) over them: tinted inside, a full line at the border."""
    colors, inside, border = colored(labels), labels != 0, _border(labels)
    tinted = np.rint(pixels * (1 - OVERLAY_OPACITY) + colors * OVERLAY_OPACITY).astype(np.uint8)
    return np.where(border[..., None], colors, np.where(inside[..., None], tinted, pixels))


def _border(labels: NDArray[Any]) -> NDArray[np.bool_]:
    framed = np.pad(labels, 1, mode="edge")
    center = framed[1:-1, 1:-1]
    differs = np.zeros(labels.shape, dtype=np.bool_)
    for neighbor in (framed[:-2, 1:-1], framed[2:, 1:-1], framed[1:-1, :-2], framed[1:-1, 2:]):
        differs |= neighbor != center
    return np.asarray(differs & (labels != 0), dtype=np.bool_)


def check_overlay(volume: Volume, overlay: Volume | None) -> None:
    """Raise GeometryError or QuantityError where an overlay is no label or mask on the volume's own grid."""
    if overlay is None:
        return
    if overlay.quantity not in ("label", "mask"):
        raise QuantityError(f"an overlay is a label or a mask, not {overlay.quantity}")
    if not overlay.grid.same_as(volume.grid):
        raise GeometryError(
            f"the overlay lies on {overlay.grid!r}, the image on {volume.grid!r}; "
            f"bring it over with hu.regrid(overlay, image.grid)"
        )
