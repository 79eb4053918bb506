"""The source of a volume: the checksum of its bytes and the positions of its slices."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.grid import Grid


def unknown() -> str:
    """Return the checksum of a source whose bytes are unknown: an empty string."""
    return ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VolumeSource:
    """The source of a volume.

    Parameters
    ----------
    geometry
        The grid of the source as plain data, and the position of each slice if they are uneven or
        tilted; ``source.geometry`` of ``record.json``.
    interpolated
        For each k-slice of the volume whether it was interpolated; empty if all were acquired.
    checksum
        Returns the sha256 of the source's bytes; called on access to `sha256`.

    Examples
    --------
    >>> VolumeSource(geometry=grid_data(Grid((2, 2, 2), np.eye(4)))).sha256
    ''
    """

    geometry: Mapping[str, Any]
    interpolated: tuple[bool, ...] = ()
    checksum: Callable[[], str] = unknown

    def __repr__(self) -> str:
        kind = "uneven or tilted slices" if len(self.geometry) > 1 else "a grid"
        return f"VolumeSource({kind}, {sum(self.interpolated)} interpolated slices)"

    @property
    def sha256(self) -> str:
        """The sha256 of the source's bytes, computed on first access; empty if unknown.

        Notes
        -----
        Files that changed after they were opened have no checksum; this issues a HounsfieldWarning
        (SOURCE_CHANGED).
        """
        return self.checksum()


def grid_data(grid: Grid) -> dict[str, Any]:
    """Return a grid as plain data."""
    return {"shape": list(grid.shape), "affine_ras": grid.affine.tolist()}


def grid_of(data: Mapping[str, Any]) -> Grid:
    """Return the grid of plain data."""
    return Grid(data["shape"], data["affine_ras"])


def nearest_flags(
    flags: tuple[bool, ...], positions: NDArray[np.float64], count: int
) -> tuple[bool, ...]:
    """Return for each k below `count` the flag of the nearest of the slices at `positions`.

    The result is empty if no flag is set.
    """
    if not any(flags):
        return ()
    nearest = np.abs(positions[:, np.newaxis] - np.arange(count)).argmin(axis=0)
    return tuple(bool(flags[n]) for n in nearest)
