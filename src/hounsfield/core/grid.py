"""Voxel grids: a shape and an affine to RAS+ millimetres."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hounsfield.core.affine import (
    closest_axes,
    flip,
    in_mm,
    lattice_error,
    numbers,
    permutation,
    validated,
)
from hounsfield.core.arguments import checked
from hounsfield.core.errors import GeometryError
from hounsfield.core.orientation import LETTERS, parse_orientation
from hounsfield.core.resampled_axis import Fit, resampled_axes

ALIGNED_TOLERANCE_VOXELS = 1e-3
"""Largest distance of corresponding samples of equal grids, in voxels.

Affines of one scan from different libraries differ by 1e-5 mm; 0.001 voxels change a linear sample
by less than 2 HU at the sharpest edge of bone and air."""


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Describe a regular grid of voxel centres: a shape and an affine to RAS+ millimetres.

    Grids are immutable and hashable, and every operation returns a new one.

    Parameters
    ----------
    shape : sequence of int
        Number of voxels along (i, j, k), each at least 1.
    affine : array_like of float, (4, 4)
        Maps voxel indices to RAS+ mm. Column n is axis n of the array; index 0 is a voxel centre.

    Raises
    ------
    GeometryError
        If the shape is not three positive integers, or the affine not finite and invertible.

    Notes
    -----
    The convention is that of NIfTI-1 and nibabel: RAS+ (right, anterior, superior), voxel centres
    at integer indices. DICOM's patient axes are LPS+ (PS3.3 C.7.6.2.1.1).

    Examples
    --------
    >>> grid = Grid((4, 4, 2), np.diag([-0.5, -0.5, 5.0, 1.0]))
    >>> grid.orientation, grid.spacing_mm
    ('LPS', (0.5, 0.5, 5.0))
    >>> grid.boxed((1, 1, 0), (2, 2, 2)).world((0, 0, 0)).tolist()
    [-0.5, -0.5, 0.0]
    """

    shape: tuple[int, int, int]
    affine: NDArray[np.float64]

    def __init__(self, shape: Sequence[int], affine: ArrayLike) -> None:
        sizes, matrix = validated(shape, affine)
        matrix.setflags(write=False)
        object.__setattr__(self, "shape", sizes)
        object.__setattr__(self, "affine", matrix)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Grid)
            and self.shape == other.shape
            and bool((self.affine == other.affine).all())
        )

    def __hash__(self) -> int:
        return hash((self.shape, (self.affine + 0.0).tobytes()))

    def __reduce__(self) -> tuple[Any, ...]:
        return (Grid, (self.shape, np.array(self.affine)))

    def __repr__(self) -> str:
        return f"Grid({self.shape}, {self.orientation}, spacing {in_mm(self.spacing_mm)})"

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance between neighbouring centres along each axis, mm."""
        i, j, k = (float(length) for length in np.linalg.norm(self.affine[:3, :3], axis=0))
        return (i, j, k)

    @property
    def directions(self) -> NDArray[np.float64]:
        """Unit vectors of the axes in RAS+, as the columns of a 3 x 3 matrix."""
        return np.asarray(
            self.affine[:3, :3] / np.linalg.norm(self.affine[:3, :3], axis=0), dtype=np.float64
        )

    @property
    def axis_codes(self) -> tuple[tuple[int, int], ...]:
        """For each array axis the closest patient axis (0 R, 1 A, 2 S), and the sign."""
        return closest_axes(self.directions)

    @property
    def orientation(self) -> str:
        """The directions in which i, j, k ascend, such as 'LPS' for an axial DICOM series."""
        return "".join(LETTERS[world][sign > 0] for world, sign in self.axis_codes)

    @property
    def extent_mm(self) -> tuple[float, float, float]:
        """Distance between the outer faces along each axis, mm."""
        i, j, k = (size * step for size, step in zip(self.shape, self.spacing_mm, strict=True))
        return (i, j, k)

    def world(self, index: ArrayLike) -> NDArray[np.float64]:
        """Return the RAS+ positions of voxel indices.

        Parameters
        ----------
        index : array_like of float, (..., 3)
            Indices (i, j, k), which need not be integers.

        Returns
        -------
        ndarray of float64, (..., 3)
            Positions in RAS+ mm.
        """
        points = numbers(index, last=3, name="indices")
        return np.asarray(points @ self.affine[:3, :3].T + self.affine[:3, 3], dtype=np.float64)

    def index(self, world_ras_mm: ArrayLike) -> NDArray[np.float64]:
        """Return the voxel indices of RAS+ positions.

        Parameters
        ----------
        world_ras_mm : array_like of float, (..., 3)
            Positions in RAS+ mm.

        Returns
        -------
        ndarray of float64, (..., 3)
            Indices (i, j, k), not rounded; they may lie outside of the grid.
        """
        points = numbers(world_ras_mm, last=3, name="positions") - self.affine[:3, 3]
        return np.asarray(points @ np.linalg.inv(self.affine[:3, :3]).T, dtype=np.float64)

    @property
    def corners_mm(self) -> NDArray[np.float64]:
        """The eight corner voxels' centres in RAS+ mm, (8, 3), k fastest."""
        ends = [(0, size - 1) for size in self.shape]
        return self.world([(i, j, k) for i in ends[0] for j in ends[1] for k in ends[2]])

    def moved(self, shape: Sequence[int], index_affine: ArrayLike) -> Grid:
        """Return the grid that another affine selects in the indices of this one.

        Parameters
        ----------
        shape : sequence of int
            Shape (i, j, k) of the new grid.
        index_affine : array_like of float, (4, 4)
            Maps indices of the new grid to indices of this grid.

        Returns
        -------
        Grid
            The grid with the affine ``self.affine @ index_affine``.
        """
        return Grid(shape, self.affine @ numbers(index_affine, last=4, name="rows of the affine"))

    @checked
    def boxed(self, start: Sequence[int], shape: Sequence[int]) -> Grid:
        """Return the grid of a box of voxels, cropped and padded in one.

        Parameters
        ----------
        start : sequence of int
            First index (i, j, k) of the box; negative values lie before the first voxel.
        shape : sequence of int
            Shape (i, j, k) of the box.

        Returns
        -------
        Grid
            The grid of the box, with the same spacing and directions.
        """
        shift = np.eye(4)
        shift[:3, 3] = numbers(start, last=3, name="first indices of the box")
        return self.moved(shape, shift)

    @checked
    def flipped(self, axes: Sequence[int]) -> Grid:
        """Return the grid with the order of voxels reversed along some axes.

        Parameters
        ----------
        axes : sequence of int
            Array axes to reverse, each 0, 1 or 2.

        Returns
        -------
        Grid
            The grid of the same voxels at the same positions.

        Raises
        ------
        GeometryError
            If an axis is not 0, 1 or 2.
        """
        if any(axis not in (0, 1, 2) for axis in axes):
            raise GeometryError(f"axes are {tuple(axes)}; expected 0, 1 or 2")
        return self.moved(self.shape, flip(self.shape, axes))

    @checked
    def permuted(self, order: Sequence[int]) -> Grid:
        """Return the grid with its axes in another order.

        Parameters
        ----------
        order : sequence of int
            Axis n of the result is axis ``order[n]`` of this grid.

        Returns
        -------
        Grid
            The grid of the same voxels at the same positions.

        Raises
        ------
        GeometryError
            If `order` is not a permutation of 0, 1 and 2.
        """
        if sorted(order) != [0, 1, 2]:
            raise GeometryError(f"order is {tuple(order)}; expected a permutation of 0, 1, 2")
        return self.moved([self.shape[source] for source in order], permutation(order))

    @checked
    def reoriented(self, to: str) -> Grid:
        """Return the grid with axes permuted and flipped to ascend closest to some directions.

        Parameters
        ----------
        to : str
            Three letters, such as 'RAS': the directions in which i, j and k are to ascend.

        Returns
        -------
        Grid
            The grid of the same voxels at the same positions.

        Raises
        ------
        GeometryError
            If `to` is not one of L or R, one of P or A and one of I or S, in any order.
        """
        wanted, codes = parse_orientation(to), self.axis_codes
        order = [
            next(n for n, (world, _) in enumerate(codes) if world == target) for target, _ in wanted
        ]
        grid = self.permuted(order)
        return grid.flipped([n for n, (_, sign) in enumerate(wanted) if codes[order[n]][1] != sign])

    @checked
    def resampled(
        self,
        *,
        spacing_mm: Sequence[float] | None = None,
        shape: Sequence[int] | None = None,
        fit: Fit = "exact_spacing",
    ) -> Grid:
        """Return the grid of another spacing or shape over the same field of view.

        Parameters
        ----------
        spacing_mm : sequence of float, optional
            Spacing along (i, j, k), mm. Exactly one of `spacing_mm` and `shape` is needed.
        shape : sequence of int, optional
            Shape (i, j, k). The outer faces of both grids coincide.
        fit : {'exact_spacing', 'exact_fov'}, default 'exact_spacing'
            Whether to keep `spacing_mm` exactly, or change it so that the outer faces coincide.

        Returns
        -------
        Grid
            The new grid. An axis of one sample keeps its spacing.

        Raises
        ------
        GeometryError
            If a spacing or size is not positive, or an axis of one sample is to become more.

        Notes
        -----
        Both grids have one centre. 'exact_spacing' gives ``ceil(extent / spacing - 1e-3)`` samples:
        no partial voxel is lost, and each side overhangs by less than half a voxel.
        """
        axes = resampled_axes(
            self.shape, self.spacing_mm, spacing_mm=spacing_mm, shape=shape, fit=fit
        )
        move = np.eye(4)
        for axis, (size, (count, scale)) in enumerate(zip(self.shape, axes, strict=True)):
            move[axis, axis] = scale
            move[axis, 3] = (size - 1) / 2 - (count - 1) / 2 * scale
        return self.moved([count for count, _ in axes], move)

    @checked
    def aligned_with(
        self, other: Grid, *, tolerance_voxels: float = ALIGNED_TOLERANCE_VOXELS
    ) -> bool:
        """Tell whether the voxel centres of another grid coincide with the lattice of this grid.

        Parameters
        ----------
        other : Grid
            The other grid; it may be flipped, permuted, cropped or padded.
        tolerance_voxels : float, default 1e-3
            Largest distance that counts as coinciding, in voxels of this grid.

        Returns
        -------
        bool
            Whether every voxel centre of `other` lies on the lattice of this grid.
        """
        relation = np.linalg.inv(self.affine) @ other.affine
        return lattice_error(relation, other.shape) <= tolerance_voxels

    @checked
    def same_as(self, other: Grid, *, tolerance_voxels: float = ALIGNED_TOLERANCE_VOXELS) -> bool:
        """Tell whether two grids have the same shape and coinciding voxels, index for index.

        Parameters
        ----------
        other : Grid
            The other grid.
        tolerance_voxels : float, default 1e-3
            Largest distance that counts as coinciding, in voxels of this grid.

        Returns
        -------
        bool
            Whether the grids are the same within the tolerance.
        """
        if self.shape != other.shape:
            return False
        drift = np.abs(self.index(other.corners_mm) - self.index(self.corners_mm))
        return bool(drift.max() <= tolerance_voxels)
