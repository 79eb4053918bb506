"""What an array means: its grid, dtype, quantity, the value that means 'outside', its channels and known bounds."""

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
"""The background of HU: the floor of the 12-bit range that scanners reconstruct into (2**12 values from -1024)."""

BACKGROUNDS: dict[str, float] = {"hu": AIR_HU}
"""The value that means 'outside' where nobody says otherwise; 0 for every other quantity."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """What an array means, without the array; a step's `plan` maps one Spec to the next.

    `background` is the value that means 'outside'; `channels` names the entries of a fourth axis (empty: there is
    none); `bounds` are values that no voxel lies beyond, where a step has made sure of that (None: unknown).
    `backgrounds` are one for each channel, where they differ (empty: `background` holds for all).
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
            raise QuantityError(f"quantity '{self.quantity}' is none of {', '.join(QUANTITIES)}")
        if self.dtype.kind not in "biuf" or self.dtype.itemsize > 8:
            raise QuantityError(f"voxels are real numbers or booleans, not {self.dtype}")
        if not math.isfinite(self.background):
            raise QuantityError(f"a background is a finite number, not {self.background}")
        if self.backgrounds and len(self.backgrounds) != len(self.channels):
            raise QuantityError(
                f"{len(self.backgrounds)} backgrounds do not fit {len(self.channels)} channels"
            )
        if not isinstance(self.grid, Grid):
            raise GeometryError(f"a Spec needs a Grid, not {type(self.grid).__name__}")

    @property
    def shape(self) -> tuple[int, ...]:
        """The array's shape: (i, j, k), or (i, j, k, channel)."""
        return self.grid.shape + ((len(self.channels),) if self.channels else ())

    @property
    def outside(self) -> float | NDArray[np.float64]:
        """The background, or one for each channel, as it is assigned to the last axis of an array."""
        return np.array(self.backgrounds) if self.backgrounds else self.background

    def channel(self, number: int) -> Spec:
        """The Spec of one channel by itself."""
        background = self.backgrounds[number] if self.backgrounds else self.background
        return replace(self, channels=(), backgrounds=(), background=background)

    def replaced(self, **changes: Any) -> Spec:
        """The same Spec but for `changes`."""
        return replace(self, **changes)
