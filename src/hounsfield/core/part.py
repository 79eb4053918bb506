"""Select a part of a grid by slices, as numpy indexes an array."""

from __future__ import annotations

import numpy as np

from hounsfield.core.errors import GeometryError
from hounsfield.core.grid import Grid

Slices = tuple[slice, slice, slice]


def slices_of(index: object, shape: tuple[int, int, int]) -> Slices:
    """Return one slice for each axis of an index such as ``[10:20, ..., ::-1]``.

    Raises GeometryError for anything but slices and an ellipsis, and if a slice is empty.
    """
    given = index if isinstance(index, tuple) else (index,)
    dots = [n for n, each in enumerate(given) if each is Ellipsis]
    if len(dots) > 1 or len(given) - len(dots) > 3:
        raise GeometryError(f"found {len(given)} indices; expected slices along i, j and k")
    before, after = (given[: dots[0]], given[dots[0] + 1 :]) if dots else (given, ())
    missing = (slice(None),) * (3 - len(before) - len(after))
    i, j, k = (
        _checked(each, axis=axis, size=size)
        for axis, (each, size) in enumerate(zip((*before, *missing, *after), shape, strict=True))
    )
    return i, j, k


def part_of(grid: Grid, slices: Slices) -> Grid:
    """Return the grid of the voxels that slices select, each where it was.

    >>> part_of(Grid((9, 9, 9), np.eye(4)), (slice(2, 4), slice(None), slice(None, None, -1)))
    Grid((2, 9, 9), RAI, spacing 1 x 1 x 1 mm)
    """
    move = np.eye(4)
    ranges = [range(*each.indices(size)) for each, size in zip(slices, grid.shape, strict=True)]
    for axis, each in enumerate(ranges):
        move[axis, axis], move[axis, 3] = each.step, each.start
    return grid.moved([len(each) for each in ranges], move)


def _checked(each: object, *, axis: int, size: int) -> slice:
    """The slice of an axis, unless it is something else or empty."""
    name = "ijk"[axis]
    if not isinstance(each, slice):
        raise GeometryError(
            f"index along {name} is of type {type(each).__name__}; expected a slice such as 5:6, "
            "which keeps the axis, or index .array"
        )
    try:
        count = len(range(*each.indices(size)))
    except (TypeError, ValueError) as error:
        raise GeometryError(f"slice along {name}: {error}; expected integers") from None
    if not count:
        raise GeometryError(
            f"slice {each.start}:{each.stop}:{each.step} along {name} is empty; "
            f"expected some of {size} voxels"
        )
    return each
