"""What a volume was read from: the checksum of its bytes, and where its slices lie."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.grid import Grid


def unknown() -> str:
    """Return the checksum of a source whose bytes nobody knows: an empty string."""
    return ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VolumeSource:
    """What a volume was read from.

    Parameters
    ----------
    geometry
        The grid of the source as plain data, and the position of each slice where they are uneven or tilted; what
        ``record.json`` keeps as ``source.geometry``.
    interpolated
        For each k-slice of the volume whether no scanner measured it; empty where all were measured.
    checksum
        Gives the sha256 of the source's bytes; called when `sha256` is asked for.

    Examples
    --------
    >>> VolumeSource(geometry=grid_data(Grid((2, 2, 2), np.eye(4)))).sha256
    ''
    """

    geometry: Mapping[str, Any]
    interpolated: tuple[bool, ...] = ()
    checksum: Callable[[], str] = unknown

    @property
    def sha256(self) -> str:
        """The sha256 of the source's bytes, computed when first asked for; empty where it is not known.

        Notes
        -----
        Files that changed after they were opened have no checksum: a HounsfieldWarning (SOURCE_CHANGED) says so.
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
    """Return the flag of the nearest of the slices at `positions` for each k from 0 to `count`; () where none is set."""
    if not any(flags):
        return ()
    nearest = np.abs(positions[:, np.newaxis] - np.arange(count)).argmin(axis=0)
    return tuple(bool(flags[n]) for n in nearest)
