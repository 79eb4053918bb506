"""A section through a volume, oriented for display."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.errors import GeometryError
from hounsfield.core.grid import Grid

Plane = Literal["axial", "coronal", "sagittal"]
Convention = Literal["radiological", "neurological"]
Direction = tuple[int, int]

LETTERS = (("L", "R"), ("P", "A"), ("I", "S"))
"""Letters of the negative and positive direction of the world axes R, A, S."""

ACROSS: dict[str, int] = {"axial": 2, "coronal": 1, "sagittal": 0}
"""The world axis (0 R, 1 A, 2 S) normal to each plane."""

_DOWN: dict[str, Direction] = {"axial": (1, -1), "coronal": (2, -1), "sagittal": (2, -1)}
_RIGHTWARDS: dict[str, Direction] = {"axial": (0, -1), "coronal": (0, -1), "sagittal": (1, -1)}

OBLIQUE_DEG = 1.0
"""Angle from which an axis is reported as oblique: 1 degree is 4 mm over a head of 250 mm."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Section:
    """Values (rows, columns) or (rows, columns, channel), row 0 at the top, and their geometry.

    `pixel_mm` is the height and width of a pixel; `letters` are those of the left, right, top and
    bottom side; `position_mm` is the position along the world axis normal to the plane; `index`
    counts along that axis, ascending.
    """

    plane: Plane
    values: NDArray[Any]
    pixel_mm: tuple[float, float]
    letters: tuple[str, str, str, str]
    index: int
    position_mm: float
    is_interpolated: bool = False

    @property
    def size_mm(self) -> tuple[float, float]:
        """Height and width between the outer faces, mm."""
        rows, columns = self.values.shape[:2]
        return rows * self.pixel_mm[0], columns * self.pixel_mm[1]

    @property
    def title(self) -> str:
        """The plane and its position, such as 'axial   S 12.5 mm'."""
        return f"{self.plane}   {self.position}{'   interpolated' if self.is_interpolated else ''}"

    @property
    def position(self) -> str:
        """The position, such as 'S 12.5 mm', with a letter in place of a sign."""
        rounded = round(self.position_mm, 1) + 0.0
        return f"{LETTERS[ACROSS[self.plane]][rounded >= 0]} {abs(rounded):.1f} mm"


def directions(plane: Plane, convention: Convention) -> tuple[Direction, Direction]:
    """The world axis and sign of the downward and of the rightward direction.

    Radiological: the patient's left is on the right of axial and coronal sections. The face is on
    the left of sagittal sections in both conventions.
    """
    if plane not in ACROSS:
        raise GeometryError(f"unknown plane '{plane}'; expected axial, coronal or sagittal")
    if convention not in ("radiological", "neurological"):
        raise GeometryError(
            f"unknown convention '{convention}'; expected radiological or neurological"
        )
    axis, sign = _RIGHTWARDS[plane]
    return _DOWN[plane], (axis, -sign if axis == 0 and convention == "neurological" else sign)


def axis_along(grid: Grid, world: int) -> tuple[int, int]:
    """The array axis along world axis `world` (0 R, 1 A, 2 S), and its sign."""
    return next(
        (axis, sign) for axis, (along, sign) in enumerate(grid.axis_codes) if along == world
    )


def count_along(grid: Grid, world: int) -> int:
    """The number of voxels along a world axis."""
    return grid.shape[axis_along(grid, world)[0]]


def positions_mm(grid: Grid, world: int) -> NDArray[np.float64]:
    """The position of the center of each section along its world axis, ascending, mm."""
    axis, sign = axis_along(grid, world)
    centers = np.tile((np.array(grid.shape, dtype=np.float64) - 1) / 2, (grid.shape[axis], 1))
    centers[:, axis] = _table(grid.shape[axis], sign)
    return np.asarray(grid.world(centers)[:, world], dtype=np.float64)


def oblique_deg(grid: Grid) -> float:
    """The largest angle between an array axis and its world axis, degrees."""
    along = [abs(grid.directions[world, axis]) for axis, (world, _) in enumerate(grid.axis_codes)]
    return float(np.degrees(np.arccos(min(1.0, *along))))


def cut(
    array: NDArray[Any],
    grid: Grid,
    *,
    plane: Plane,
    index: int,
    convention: Convention = "radiological",
    interpolated: Sequence[bool] = (),
) -> Section:
    """Extract the section of `plane` at `index`, ascending, from an array (i, j, k[, channel]).

    `interpolated` says of each k-slice whether it was interpolated.
    """
    down, right = directions(plane, convention)
    (row_axis, row_sign), (column_axis, column_sign) = (
        axis_along(grid, down[0]),
        axis_along(grid, right[0]),
    )
    axis, sign = axis_along(grid, ACROSS[plane])
    stored = int(_table(grid.shape[axis], sign)[index])
    flat = np.moveaxis(array, axis, 0)[stored]  # np.take would first copy the whole volume
    if row_axis > column_axis:
        flat = np.swapaxes(flat, 0, 1)
    rows = _table(grid.shape[row_axis], row_sign * down[1])
    columns = _table(grid.shape[column_axis], column_sign * right[1])
    return Section(
        plane=plane,
        values=flat[rows][:, columns],
        index=index,
        pixel_mm=(grid.spacing_mm[row_axis], grid.spacing_mm[column_axis]),
        letters=(_letter(right, -1), _letter(right, 1), _letter(down, -1), _letter(down, 1)),
        position_mm=float(positions_mm(grid, ACROSS[plane])[index]),
        is_interpolated=axis == 2 and len(interpolated) > stored and bool(interpolated[stored]),
    )


def interpolated_spans(
    grid: Grid, section: Section, interpolated: Sequence[bool]
) -> list[tuple[float, float, bool]]:
    """Runs of interpolated slices in a section across them, as (start, stop, is_row).

    start and stop are fractions of the section, from its top (rows) or its left (columns).
    """
    world = grid.axis_codes[2][0]
    letters = dict(zip(("left", "right", "top", "bottom"), section.letters, strict=True))
    if len(interpolated) != grid.shape[2] or ACROSS[section.plane] == world:
        return []
    is_row = letters["top"] in LETTERS[world]
    ascends = (letters["bottom"] if is_row else letters["right"]) == LETTERS[world][1]
    flags = [bool(each) for each in interpolated]
    if (grid.axis_codes[2][1] > 0) != ascends:
        flags.reverse()
    edges = np.flatnonzero(np.diff(np.array([False, *flags, False], dtype=np.int8)))
    return [
        (float(start) / len(flags), float(stop) / len(flags), is_row)
        for start, stop in edges.reshape(-1, 2)
    ]


def _letter(direction: Direction, step: int) -> str:
    return LETTERS[direction[0]][direction[1] * step > 0]


def _table(size: int, sign: int) -> NDArray[np.intp]:
    return np.arange(size) if sign > 0 else np.arange(size - 1, -1, -1)
