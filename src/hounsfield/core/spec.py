"""Describe an array: its grid, dtype, quantity, background, channels and known bounds."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.errors import GeometryError, QuantityError
from hounsfield.core.grid import Grid

Quantity = Literal["hu", "unit", "standardized", "display", "label", "mask", "other"]
QUANTITIES: tuple[str, ...] = get_args(Quantity)

AIR_HU = -1024.0
"""The background of HU: the lowest value of scanners' 12-bit range (2**12 values from -1024)."""

BACKGROUNDS: dict[str, float] = {"hu": AIR_HU}
"""The default background of a quantity; 0 for every other one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """The description of an array without its values; a step's `plan` maps one Spec to the next.

    `background` is the value of voxels outside the image; `channels` names the entries of a fourth
    axis (empty: none); `bounds` are the least and greatest possible value, as guaranteed by a step
    (None: unknown). `backgrounds` has one value for each channel, if they differ (empty:
    `background` applies to all).
    """

    grid: Grid
    dtype: np.dtype[Any]
    quantity: Quantity
    background: float
    channels: tuple[str, ...] = ()
    bounds: tuple[float, float] | None = None
    backgrounds: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "dtype", np.dtype(self.dtype))
        object.__setattr__(self, "channels", tuple(self.channels))
        object.__setattr__(self, "background", float(self.background))
        if self.quantity not in QUANTITIES:
            raise QuantityError(
                f"quantity is '{self.quantity}'; expected one of {', '.join(QUANTITIES)}"
            )
        if self.dtype.kind not in "biuf" or self.dtype.itemsize > 8:
            raise QuantityError(
                f"dtype is {self.dtype}; expected real numbers of at most 64 bits or booleans"
            )
        if not math.isfinite(self.background):
            raise QuantityError(f"background is {self.background}; expected a finite number")
        if self.backgrounds and len(self.backgrounds) != len(self.channels):
            raise QuantityError(
                f"{len(self.backgrounds)} backgrounds for {len(self.channels)} channels; "
                "expected one per channel, or none"
            )
        if not isinstance(self.grid, Grid):
            raise GeometryError(f"a Spec needs a Grid, not {type(self.grid).__name__}")

    @property
    def shape(self) -> tuple[int, ...]:
        """The array's shape: (i, j, k), or (i, j, k, channel)."""
        return self.grid.shape + ((len(self.channels),) if self.channels else ())

    @property
    def outside(self) -> float | NDArray[np.float64]:
        """The background, or an array of one per channel, which broadcasts over the last axis."""
        return np.array(self.backgrounds) if self.backgrounds else self.background

    def channel(self, number: int) -> Spec:
        """Return the Spec of one channel."""
        background = self.backgrounds[number] if self.backgrounds else self.background
        return replace(self, channels=(), backgrounds=(), background=background)

    def replaced(self, **changes: Any) -> Spec:
        """Return a copy with `changes`."""
        return replace(self, **changes)
