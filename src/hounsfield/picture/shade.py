"""Conversion of values to grey levels and of labels to colors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.cast import check_finite
from hounsfield.core.errors import GeometryError, QuantityError
from hounsfield.core.volume import Volume
from hounsfield.core.windows import window_named

WindowLike = str | tuple[float, float] | None
Pixels = NDArray[np.uint8]

DEFAULT_WINDOW = "soft-tissue"
"""Default window of HU: it shows soft tissue in head and body."""

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
"""Colors of labels 1, 2, 3, ... and then the same darker: distinct from grey and each other."""

DARKER = 0.6
"""Brightness of the second round of colors, which makes 24 labels distinct."""

DOUBTFUL_CODES = ("NOT_HU", "VALUE_RANGE")
"""Codes of warnings that values may not be HU."""

OVERLAY_OPACITY = 0.25
"""Opacity of an overlay: the tissue below must stay visible."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shades:
    """The values shown as black (`low` and below) and white (`high` and above), and a caption."""

    low: float
    high: float
    caption: str

    def grey(self, values: NDArray[Any]) -> Pixels:
        """Grey levels, uint8, of values of any shape: 255 (x - low) / (high - low), clipped."""
        scaled = (values.astype(np.float32) - np.float32(self.low)) * np.float32(
            255.0 / (self.high - self.low)
        )
        return np.asarray(np.rint(np.clip(scaled, 0.0, 255.0)), dtype=np.uint8)


def shades(volume: Volume, window: WindowLike) -> Shades:
    """The window of a volume: a name, (center, width), or None for the default of its quantity.

    Defaults: soft-tissue for hu, 0 to 1 for unit, 0 to 255 for display, -3 to 3 for standardized,
    else the full range of the values. Raises QuantityError for a named window of values that are
    not HU, for a width that is not over 0, and for a voxel that is NaN or infinite.
    """
    check_finite(volume, what="the volume")
    unit = _unit(volume)
    if window is None and volume.quantity == "hu":
        window = DEFAULT_WINDOW
    if window is None:
        low, high = _default_range(volume)
        return Shades(low=low, high=high, caption=f"{unit}   {low:g} to {high:g}")
    if isinstance(window, str) and volume.quantity != "hu":
        raise QuantityError(
            f"the window '{window}' is in HU, but the volume holds {volume.quantity}; "
            f"give (center, width) in its values"
        )
    center, width = (
        window_named(window) if isinstance(window, str) else (float(window[0]), float(window[1]))
    )
    if not (np.isfinite(center) and np.isfinite(width) and width > 0):
        raise QuantityError(
            f"invalid window ({center:g}, {width:g}); expected a finite center and a width over 0"
        )
    name = f"{window}   " if isinstance(window, str) else ""
    return Shades(
        low=center - width / 2,
        high=center + width / 2,
        caption=f"{name}C {center:g}  W {width:g}  {unit}",
    )


def _unit(volume: Volume) -> str:
    """The unit for a caption, with the doubts of the reader about it."""
    if volume.quantity != "hu":
        return volume.quantity
    is_doubtful = any(
        each.code in DOUBTFUL_CODES and each.severity == "warning" for each in volume.diagnostics
    )
    return "HU (doubtful)" if is_doubtful else "HU"


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
    """Colors (rows, columns, 3), uint8, of integer labels (rows, columns); 0 is black."""
    palette = np.concatenate([np.array(COLORS), np.array(COLORS) * DARKER]).astype(np.uint8)
    whole = np.rint(labels).astype(np.int64)
    return np.where(whole[..., None] == 0, np.uint8(0), palette[(whole - 1) % len(palette)])


def overlaid(pixels: Pixels, labels: NDArray[Any]) -> Pixels:
    """Blend labels (rows, columns) over `pixels` (rows, columns, 3), with opaque borders."""
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
    """Raise an error unless an overlay is a label or mask on the same grid."""
    if overlay is None:
        return
    if overlay.quantity not in ("label", "mask"):
        raise QuantityError(f"the overlay holds {overlay.quantity}; expected a label or a mask")
    if overlay.spec.channels:
        raise QuantityError(
            f"the overlay has {len(overlay.spec.channels)} channels; expected one of them, such as "
            "overlay.channel(0)"
        )
    if not overlay.grid.same_as(volume.grid):
        raise GeometryError(
            f"the grids of overlay ({overlay.grid!r}) and image ({volume.grid!r}) differ; "
            f"resample it with hu.regrid(overlay, image.grid)"
        )
