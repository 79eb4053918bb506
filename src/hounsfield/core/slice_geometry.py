"""The geometry of parallel slices from their origins: normal, positions, spacing and tilt."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.errors import GeometryError
from hounsfield.core.grid import Grid

Floats = NDArray[np.float64]

EVEN_TOLERANCE = 2.5e-2
"""Largest deviation of evenly spaced slices from even positions, as a fraction of the spacing.

Headers round positions to 0.01 mm, which shifts both a slice and the end slices that define the
even positions; spacings are 0.5 mm or more."""

UPRIGHT_TOLERANCE_MM = 0.1
"""Largest in-plane shift between slices of an untilted stack.

A fifth of the smallest pixel in use; headers round to 0.01 mm."""

STEP_QUANTILE = 0.25
"""Quantile of the gaps that is the slice spacing of the grid of an uneven stack.

It keeps the finest spacing that many slices have; a single short gap does not multiply the
number of slices."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SliceGeometry:
    """The positions of parallel slices.

    `origins_ras_mm` (k, 3) is the centre of voxel (0, 0) of each slice in RAS+ mm, ascending along
    the normal; `step_i_ras_mm` and `step_j_ras_mm` (3,) are the vectors to the next column and row.

    >>> grid = Grid((4, 4, 3), np.diag([1.0, 1.0, 2.5, 1.0]))
    >>> slices = SliceGeometry.of_grid(grid)
    >>> slices.step_mm, slices.tilt_deg, slices.is_even
    (2.5, 0.0, True)
    """

    origins_ras_mm: Floats
    step_i_ras_mm: Floats
    step_j_ras_mm: Floats
    thickness_mm: float | None = None

    @classmethod
    def of_grid(cls, grid: Grid) -> SliceGeometry:
        """Return the slices of a grid along its third axis."""
        count = grid.shape[2]
        origins = grid.world(np.stack([np.zeros(count), np.zeros(count), np.arange(count)], axis=1))
        return cls(
            origins_ras_mm=origins,
            step_i_ras_mm=grid.affine[:3, 0],
            step_j_ras_mm=grid.affine[:3, 1],
        )

    @property
    def normal(self) -> Floats:
        """Unit normal of the slices in RAS+, towards ascending k."""
        across = _unit_normal(*self.step_i_ras_mm.tolist(), *self.step_j_ras_mm.tolist())
        along = self.origins_ras_mm[-1] - self.origins_ras_mm[0]
        return np.asarray(-across if float(along @ across) < 0 else across)

    @property
    def positions_mm(self) -> Floats:
        """Position of each slice along the normal, mm, (k,)."""
        return np.asarray(self.origins_ras_mm @ self.normal, dtype=np.float64)

    @property
    def gaps_mm(self) -> Floats:
        """Distances between neighbouring slices along the normal, mm, (k - 1,)."""
        return np.diff(self.positions_mm)

    @property
    def sideways_mm(self) -> Floats:
        """In-plane shift of each slice from the first, mm, (k, 3)."""
        along = self.origins_ras_mm - self.origins_ras_mm[0]
        return np.asarray(along - np.outer(along @ self.normal, self.normal), dtype=np.float64)

    @property
    def tilt_deg(self) -> float:
        """Angle in degrees between normal and the line fitted to the origins; 0 for one slice."""
        return float(np.degrees(np.arctan(np.linalg.norm(self._lean))))

    @property
    def bend_mm(self) -> float:
        """Largest in-plane distance of a slice from that line, mm."""
        rest = self.sideways_mm - np.outer(self._span_mm, self._lean)
        return float(np.linalg.norm(rest, axis=1).max())

    @property
    def step_mm(self) -> float:
        """Slice spacing of the natural grid, mm: the even one, or the lower quartile of gaps."""
        if len(self.origins_ras_mm) == 1:
            return self.thickness_mm or 1.0
        if self.is_even:
            positions = self.positions_mm
            return float(positions[-1] - positions[0]) / (len(positions) - 1)
        return float(np.quantile(self.gaps_mm, STEP_QUANTILE, method="lower"))

    @property
    def is_even(self) -> bool:
        """Whether the slices are evenly spaced, within EVEN_TOLERANCE."""
        return is_even(self.positions_mm)

    @property
    def is_upright(self) -> bool:
        """Whether the slices are stacked along their normal, within UPRIGHT_TOLERANCE_MM."""
        return bool(np.abs(self.sideways_mm).max() <= UPRIGHT_TOLERANCE_MM)

    def natural_grid(self, shape: tuple[int, int, int]) -> Grid:
        """Return the even, upright grid that covers every slice of a stack of `shape`.

        See design/stack.md.
        """
        affine = np.eye(4)
        affine[:3, 0], affine[:3, 1], affine[:3, 2] = (
            self.step_i_ras_mm,
            self.step_j_ras_mm,
            self.normal * self.step_mm,
        )
        affine[:3, 3] = self.origins_ras_mm[0]
        if self.is_even and self.is_upright:
            if shape[2] > 1:
                affine[:3, 2] = (self.origins_ras_mm[-1] - self.origins_ras_mm[0]) / (shape[2] - 1)
            return Grid(shape, affine)
        # Pad by whole voxels, so that correcting the tilt does not shift the lattice.
        plane = np.stack([self.step_i_ras_mm, self.step_j_ras_mm], axis=1)
        shifts = self.sideways_mm @ np.linalg.pinv(plane).T
        low, high = np.floor(shifts.min(axis=0) + 1e-6), np.ceil(shifts.max(axis=0) - 1e-6)
        extent = float(self.positions_mm[-1] - self.positions_mm[0])
        count = int(np.floor(extent / self.step_mm + 1e-3)) + 1
        if (count - 1) * self.step_mm < extent - EVEN_TOLERANCE * self.step_mm:
            count += 1
        padded = (shape[0] + int(high[0] - low[0]), shape[1] + int(high[1] - low[1]), count)
        return Grid(padded, affine).boxed((int(low[0]), int(low[1]), 0), padded)

    @property
    def _span_mm(self) -> Floats:
        return np.asarray(self.positions_mm - self.positions_mm[0])

    @property
    def _lean(self) -> Floats:
        """In-plane shift per mm along the normal, a least squares fit through the first slice."""
        span = self._span_mm
        length = float(span @ span)
        return np.asarray((span @ self.sideways_mm) / length if length else np.zeros(3))


class SliceProperties(ABC):
    """Spacing and tilt of a value that has slices, as its own properties."""

    __slots__ = ()

    @property
    @abstractmethod
    def geometry(self) -> SliceGeometry:
        """The positions of the slices, from which spacing and tilt are computed."""

    @property
    def normal(self) -> Floats:
        """The unit vector across the slices in RAS+, towards ascending k."""
        return self.geometry.normal

    @property
    def positions_mm(self) -> Floats:
        """The position of each slice along the normal, mm, (k,)."""
        return self.geometry.positions_mm

    @property
    def gaps_mm(self) -> Floats:
        """Distances between neighbouring slices along the normal, mm, (k - 1,)."""
        return self.geometry.gaps_mm

    @property
    def tilt_deg(self) -> float:
        """Angle in degrees between normal and line of the origins; 0 for a single slice."""
        return self.geometry.tilt_deg

    @property
    def step_mm(self) -> float:
        """Slice spacing of the natural grid, mm: even, or the lower quartile of the gaps."""
        return self.geometry.step_mm

    @property
    def is_even(self) -> bool:
        """Whether the slices are evenly spaced."""
        return self.geometry.is_even

    @property
    def is_upright(self) -> bool:
        """Whether the slices are stacked along their normal."""
        return self.geometry.is_upright


@lru_cache(maxsize=64)
def _unit_normal(i: float, j: float, k: float, u: float, v: float, w: float) -> Floats:
    """Return the unit vector (3,) across (i, j, k) and (u, v, w)."""
    across = np.cross((i, j, k), (u, v, w))
    across = across / np.linalg.norm(across)
    across.setflags(write=False)
    return np.asarray(across)


def is_even(positions_mm: Floats) -> bool:
    """Return whether ascending positions (k,) are evenly spaced, within EVEN_TOLERANCE."""
    if len(positions_mm) < 3:
        return True
    even = np.linspace(positions_mm[0], positions_mm[-1], len(positions_mm))
    step = abs(float(even[1] - even[0]))
    return bool(np.abs(positions_mm - even).max() <= EVEN_TOLERANCE * step)


def finite_array(values: object, size: tuple[int, ...], *, what: str) -> NDArray[np.float64]:
    """Return a read-only copy as float64; raises GeometryError unless it is finite and has `size`.

    `what` names it in the message.
    """
    array = np.array(values, dtype=np.float64)
    if array.shape != size or not np.isfinite(array).all():
        raise GeometryError(
            f"{what} has shape {array.shape}; expected finite values of shape {size}"
        )
    array.setflags(write=False)
    return array
