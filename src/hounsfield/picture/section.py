"""A flat section through a volume, turned the way a radiologist looks at it."""

from __future__ import annotations

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
"""The letters of the world axes R, A, S: towards less, towards more."""

ACROSS: dict[str, int] = {"axial": 2, "coronal": 1, "sagittal": 0}
"""The world axis (0 R, 1 A, 2 S) that a plane is cut across."""

_DOWN: dict[str, Direction] = {"axial": (1, -1), "coronal": (2, -1), "sagittal": (2, -1)}
_RIGHTWARDS: dict[str, Direction] = {"axial": (0, -1), "coronal": (0, -1), "sagittal": (1, -1)}

OBLIQUE_DEG = 1.0
"""An axis over this far off its world axis is said to be oblique: one degree moves 250 mm of head by 4 mm."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Section:
    """Values (rows, columns) or (rows, columns, channel), row 0 at the top, and where they lie in the patient.

    `pixel_mm` is the height and width of one value; `letters` stand at the left, right, top and bottom; `position_mm`
    is the section's place along the world axis that it is cut across; `index` counts along that axis, ascending.
    """

    plane: Plane
    values: NDArray[Any]
    pixel_mm: tuple[float, float]
    letters: tuple[str, str, str, str]
    index: int
    position_mm: float

    @property
    def size_mm(self) -> tuple[float, float]:
        """Height and width between the outer faces, mm."""
        rows, columns = self.values.shape[:2]
        return rows * self.pixel_mm[0], columns * self.pixel_mm[1]

    @property
    def title(self) -> str:
        """The plane and its place, such as 'axial  S 12.5 mm'."""
        return f"{self.plane}   {self.place}"

    @property
    def place(self) -> str:
        """The place alone, such as 'S 12.5 mm': a letter instead of a sign, so that no convention need be known."""
        rounded = round(self.position_mm, 1) + 0.0
        return f"{LETTERS[ACROSS[self.plane]][rounded >= 0]} {abs(rounded):.1f} mm"


def directions(plane: Plane, convention: Convention) -> tuple[Direction, Direction]:
    """The world axis and sign that rows descend along, and that columns run rightwards along.

    Radiological: the patient's left is on the right of axial and coronal sections, as if one looked from the feet and
    at the face. A sagittal section has the face on the left in both conventions.
    """
    if plane not in ACROSS:
        raise GeometryError(f"a plane is axial, coronal or sagittal, not '{plane}'")
    if convention not in ("radiological", "neurological"):
        raise GeometryError(f"a convention is radiological or neurological, not '{convention}'")
    axis, sign = _RIGHTWARDS[plane]
    return _DOWN[plane], (axis, -sign if axis == 0 and convention == "neurological" else sign)


def axis_along(grid: Grid, world: int) -> tuple[int, int]:
    """The array axis that runs along world axis `world` (0 R, 1 A, 2 S), and its sign."""
    return next(
        (axis, sign) for axis, (along, sign) in enumerate(grid.axis_codes) if along == world
    )


def count_along(grid: Grid, world: int) -> int:
    """How many voxels there are along a world axis."""
    return grid.shape[axis_along(grid, world)[0]]


def positions_mm(grid: Grid, world: int) -> NDArray[np.float64]:
    """The place along a world axis of each section across it, ascending, taken at the section's middle, mm."""
    axis, sign = axis_along(grid, world)
    centers = np.tile((np.array(grid.shape, dtype=np.float64) - 1) / 2, (grid.shape[axis], 1))
    centers[:, axis] = _table(grid.shape[axis], sign)
    return np.asarray(grid.world(centers)[:, world], dtype=np.float64)


def oblique_deg(grid: Grid) -> float:
    """The largest angle between an axis and the world axis that it runs along, degrees."""
    along = [abs(grid.directions[world, axis]) for axis, (world, _) in enumerate(grid.axis_codes)]
    return float(np.degrees(np.arccos(min(1.0, *along))))


def cut(
    array: NDArray[Any],
    grid: Grid,
    *,
    plane: Plane,
    index: int,
    convention: Convention = "radiological",
) -> Section:
    """Cut `array` (i, j, k) or (i, j, k, channel) on `grid` across `plane`, at the `index`-th section ascending."""
    down, right = directions(plane, convention)
    (row_axis, row_sign), (column_axis, column_sign) = (
        axis_along(grid, down[0]),
        axis_along(grid, right[0]),
    )
    axis, sign = axis_along(grid, ACROSS[plane])
    stored = int(_table(grid.shape[axis], sign)[index])
    flat = np.moveaxis(array, axis, 0)[
        stored
    ]  # np.take would copy the whole Fortran-ordered volume first
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
    )


def _letter(direction: Direction, step: int) -> str:
    return LETTERS[direction[0]][direction[1] * step > 0]


def _table(size: int, sign: int) -> NDArray[np.intp]:
    return np.arange(size) if sign > 0 else np.arange(size - 1, -1, -1)
