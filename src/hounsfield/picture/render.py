"""Render a section to pixels: to scale, in one window, with labels on top."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.grid import Grid
from hounsfield.core.volume import Volume
from hounsfield.picture.canvas import scaled
from hounsfield.picture.section import Convention, Plane, Section, cut
from hounsfield.picture.shade import (
    Pixels,
    Shades,
    WindowLike,
    check_overlay,
    colored,
    overlaid,
    shades,
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scene:
    """A volume with the window, convention and overlay that all its sections share."""

    volume: Volume
    shades: Shades
    convention: Convention
    overlay: Volume | None

    @property
    def grid(self) -> Grid:
        """The grid of the volume."""
        return self.volume.grid

    @property
    def interpolated(self) -> tuple[bool, ...]:
        """For each k-slice whether it was interpolated; empty if that is unknown."""
        source = self.volume.source
        flags = () if source is None else source.interpolated
        return flags if len(flags) == self.grid.shape[2] else ()

    @property
    def has_interpolated(self) -> bool:
        """Whether any slice was interpolated."""
        return any(self.interpolated)

    def section(self, plane: Plane, index: int) -> Section:
        """The section of `plane` at `index`, ascending."""
        return cut(
            self.volume.array,
            self.grid,
            plane=plane,
            index=index,
            convention=self.convention,
            interpolated=self.interpolated,
        )

    def pixels(self, section: Section, *, rows: int, columns: int) -> Pixels:
        """A section of this scene as pixels (rows, columns, 3)."""
        pixels = self._shaded(section.values, rows=rows, columns=columns)
        if self.overlay is None:
            return pixels
        over = cut(
            self.overlay.array,
            self.grid,
            plane=section.plane,
            index=section.index,
            convention=self.convention,
        )
        return overlaid(pixels, scaled(over.values, rows=rows, columns=columns, smooth=False))

    def _shaded(self, values: NDArray[Any], *, rows: int, columns: int) -> Pixels:
        if self.volume.quantity in ("label", "mask"):
            first = values if values.ndim == 2 else values[..., 0]
            return colored(scaled(first, rows=rows, columns=columns, smooth=False))
        # Three channels are red, green and blue; of any other number the first is shown.
        channels = [0] if values.ndim == 2 else list(range(3)) if values.shape[2] == 3 else [0]
        planes = values[..., None] if values.ndim == 2 else values
        greys = [
            self.shades.grey(scaled(planes[..., n], rows=rows, columns=columns, smooth=True))
            for n in channels
        ]
        return np.stack(greys * (3 // len(greys)), axis=-1)


def scene(
    volume: Volume, *, window: WindowLike, convention: Convention, overlay: Volume | None
) -> Scene:
    """Validate the arguments; raises GeometryError or QuantityError."""
    check_overlay(volume, overlay)
    return Scene(
        volume=volume, shades=shades(volume, window), convention=convention, overlay=overlay
    )


def size_px(section: Section, *, px_per_mm: float) -> tuple[int, int]:
    """Rows and columns of a section at a scale; at least one each."""
    height, width = section.size_mm
    return max(1, round(height * px_per_mm)), max(1, round(width * px_per_mm))
