"""Check shapes and affines of grids, and make the affines that flip or permute axes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations, product
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hounsfield.core.errors import GeometryError
from hounsfield.core.resampled_axis import LARGEST_SIDE

Floats = NDArray[np.float64]


def validated(shape: Sequence[Any], affine: ArrayLike) -> tuple[tuple[int, ...], Floats]:
    """Return a shape as integers and a copy of an affine, or raise GeometryError."""
    try:
        sizes = tuple(int(size) for size in shape)
        matrix = np.array(affine, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise GeometryError(
            "shape or affine is not numeric; expected three integers and 4 x 4 numbers"
        ) from None
    _check_shape(shape, sizes)
    _check_affine(matrix)
    return sizes, matrix


def numbers(values: ArrayLike, *, last: int, name: str) -> Floats:
    """Return an array of float64 whose last axis has `last` numbers, or raise GeometryError."""
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        array = np.empty(0)
    if array.ndim == 0 or array.shape[-1] != last:
        raise GeometryError(f"{name} are not numeric or of shape {array.shape}; expected {last}")
    return array


def _check_shape(shape: Sequence[Any], sizes: tuple[int, ...]) -> None:
    """Raise GeometryError unless `shape` is three sizes from 1 to LARGEST_SIDE."""
    if len(sizes) != 3 or min(sizes) < 1 or any(int(size) != size for size in shape):
        raise GeometryError(f"shape is {tuple(shape)}; expected three sizes of at least 1")
    if max(sizes) > LARGEST_SIDE:
        raise GeometryError(f"shape is {sizes}; expected sizes of at most {LARGEST_SIDE} voxels")


def _check_affine(matrix: Floats) -> None:
    """Raise GeometryError unless a matrix is a finite and invertible 4 x 4 affine."""
    if (
        matrix.shape != (4, 4)
        or not np.isfinite(matrix).all()
        or tuple(matrix[3]) != (0.0, 0.0, 0.0, 1.0)
    ):
        raise GeometryError(
            f"affine of shape {matrix.shape} is not an affine matrix; "
            "expected 4 x 4 finite numbers with (0, 0, 0, 1) as the last row"
        )
    lengths = np.linalg.norm(matrix[:3, :3], axis=0)
    if lengths.min() <= 0.0 or abs(np.linalg.det(matrix[:3, :3] / lengths)) < 1e-6:
        raise GeometryError(
            f"the affine is not invertible (spacing {in_mm(lengths)}); "
            "expected three independent columns"
        )


_ORDERS = tuple(permutations(range(3)))


def closest_axes(directions: Floats) -> tuple[tuple[int, int], ...]:
    """Return for each column of `directions` (3, 3) the closest world axis and the sign."""
    rows = directions.tolist()  # indexing of an array takes ten times as long as that of a list
    best = max(_ORDERS, key=lambda order: sum(abs(rows[order[n]][n]) for n in range(3)))
    return tuple((world, 1 if rows[world][n] > 0 else -1) for n, world in enumerate(best))


def flip(shape: Sequence[int], axes: Sequence[int]) -> Floats:
    """Return the affine (4, 4) from indices of a grid flipped along `axes` to those of the grid."""
    turn = np.eye(4)
    for axis in axes:
        turn[axis, axis] = -1.0
        turn[axis, 3] = shape[axis] - 1
    return turn


def permutation(order: Sequence[int]) -> Floats:
    """Return the affine (4, 4) from indices of a permuted grid, whose axis n is ``order[n]``."""
    swap = np.zeros((4, 4))
    swap[3, 3] = 1.0
    for axis, source in enumerate(order):
        swap[source, axis] = 1.0
    return swap


def lattice_error(relation: Floats, shape: Sequence[int]) -> float:
    """Return how far voxel centres are from the lattice of a grid, in its voxels.

    `relation` (4, 4) maps indices of a grid of `shape` to indices of that grid. The error is
    infinite if the axes are not the same up to order and direction.
    """
    whole = np.rint(relation)
    if abs(round(float(np.linalg.det(whole[:3, :3])))) != 1 or np.abs(whole[:3, :3]).sum() != 3:
        return float("inf")
    ends = [(0, size - 1) for size in shape]
    corners = np.array(list(product(*ends, (1,))), dtype=np.float64)
    return float(np.abs(corners @ (relation - whole).T).max())


def in_mm(values: Sequence[float] | Floats) -> str:
    """Return lengths as text, such as '0.5 x 0.5 x 5 mm'."""
    return " x ".join(f"{float(value):.6g}" for value in values) + " mm"
