"""Describe an array: its grid, dtype, quantity, background, channels and known bounds."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.arguments import checked, short
from hounsfield.core.dtype import voxel_dtype
from hounsfield.core.errors import GeometryError, QuantityError
from hounsfield.core.grid import Grid

Quantity = Literal["hu", "unit", "standardized", "display", "label", "mask", "other"]
QUANTITIES: tuple[str, ...] = get_args(Quantity)

AIR_HU = -1024.0
"""The background of HU: the lowest value of scanners' 12-bit range (2**12 values from -1024)."""

BACKGROUNDS: dict[str, float] = {"hu": AIR_HU}
"""The default background of a quantity; 0 for every other one."""


@checked
@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """Describe what an array means, without the array.

    The `plan` of a step maps one Spec to the next.

    Parameters
    ----------
    grid : Grid
        Where the voxels lie.
    dtype : numpy.dtype
        Type of the voxels: integers, floats of at most 8 bytes, or booleans.
    quantity : {'hu', 'unit', 'standardized', 'display', 'label', 'mask', 'other'}
        What the values are; 'unit' is 0..1, 'display' is 0..255.
    background : float
        The value outside the volume, such as -1024 HU.
    channels : tuple of str, default ()
        Names of the entries of a fourth axis; empty if there is none.
    bounds : (float, float), optional
        Lowest and highest value, if a step has limited the values; None if unknown.
    backgrounds : tuple of float, default ()
        A background for each channel, if they differ; empty if `background` is that of all.

    Raises
    ------
    QuantityError
        If the quantity is unknown, the dtype is not real, or the background is not finite.
    GeometryError
        If `grid` is not a Grid.

    Examples
    --------
    >>> spec = Spec(grid=Grid((4, 4, 2), np.eye(4)), dtype="int16", quantity="hu", background=-1024)
    >>> spec.shape, spec.dtype
    ((4, 4, 2), dtype('int16'))
    """

    grid: Grid
    dtype: np.dtype[Any]
    quantity: Quantity
    background: float
    channels: tuple[str, ...] = ()
    bounds: tuple[float, float] | None = None
    backgrounds: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "dtype", voxel_dtype(self.dtype))
        object.__setattr__(self, "channels", tuple(self.channels))
        object.__setattr__(self, "background", float(self.background))
        if self.quantity not in QUANTITIES:
            raise QuantityError(
                f"quantity is '{self.quantity}'; expected one of {', '.join(QUANTITIES)}"
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

    @checked
    def channel(self, number: int) -> Spec:
        """Return the Spec of one channel.

        Parameters
        ----------
        number : int
            Which channel, from 0.

        Returns
        -------
        Spec
            The Spec without a channel axis, with the background of that channel.
        """
        if not 0 <= number < len(self.channels):
            raise QuantityError(
                f"channel is {short(number)} of {len(self.channels)}; expected a number from 0"
            )
        background = self.backgrounds[number] if self.backgrounds else self.background
        return replace(self, channels=(), backgrounds=(), background=background)

    def replaced(self, **changes: Any) -> Spec:
        """Return a copy with some fields changed.

        Parameters
        ----------
        **changes : Any
            New values of fields of Spec.

        Returns
        -------
        Spec
            The changed copy.
        """
        return replace(self, **changes)
