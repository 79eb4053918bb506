"""Acquisition of the phantom: slices at the positions, tilt and orientation of the faults."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.errors import GeometryError, QuantityError
from hounsfield.core.grid import Grid
from hounsfield.core.spec import AIR_HU
from hounsfield.core.volume import Volume
from hounsfield.phantom.chest import Chest, ChestRecipe
from hounsfield.phantom.faults import Faults
from hounsfield.phantom.head import Head, Recipe
from hounsfield.phantom.noise import noise
from hounsfield.phantom.shape import rotation

OBLIQUE_DEG = (11.0, -7.0, 5.0)
"""Rotation of an oblique stack about R, A and S."""

STACK_LETTERS = {
    "sagittal": "PIR",
    "coronal": "LIP",
    "supine": "LPS",
    "prone": "RAS",
    "feet-first": "RPI",
}
"""Directions of columns, rows and slices; coronal stacks run from front to back."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Acquisition:
    """Slices ascending along the normal: `hu` (i, j, k) float32, origins (k, 3), steps (3,).

    `grid` is their grid if their spacing is even (sheared if tilted); `recipe` renders the same
    head or chest on any other grid.
    """

    hu: NDArray[np.float32]
    origins_ras_mm: NDArray[np.float64]
    step_i_ras_mm: NDArray[np.float64]
    step_j_ras_mm: NDArray[np.float64]
    thickness_mm: float
    grid: Grid | None
    recipe: Recipe | ChestRecipe | None

    @property
    def outside(self) -> NDArray[np.bool_]:
        """Pixels (i, j) outside the reconstruction circle, which is inscribed in the slice."""
        size_i, size_j = self.hu.shape[:2]
        step_i, step_j = np.linalg.norm(self.step_i_ras_mm), np.linalg.norm(self.step_j_ras_mm)
        across = (np.arange(size_i) - (size_i - 1) / 2) * step_i
        down = (np.arange(size_j) - (size_j - 1) / 2) * step_j
        radius = min(size_i * step_i, size_j * step_j) / 2
        return np.asarray(across[:, None] ** 2 + down[None, :] ** 2 > radius**2)


def acquire(source: Head | Chest | Volume, faults: Faults) -> Acquisition:
    """The slices of `source` with the geometry of `faults`.

    Raises GeometryError for a tilt, other positions or an oblique stack of a Volume, since only a
    Head or Chest can be rendered between its slices, and QuantityError if the volume is not HU.
    """
    image = source if isinstance(source, Volume) else source.image
    recipe = None if isinstance(source, Volume) else source.recipe
    if image.quantity != "hu" or image.array.ndim != 3:
        raise QuantityError(
            f"the volume holds {image.quantity} with {image.array.ndim} axes; "
            "expected HU with axes (i, j, k)"
        )
    if faults.resampled and recipe is None:
        raise GeometryError(
            "a tilt, other positions or an oblique stack need a Head, not a Volume, "
            "since new slices must be rendered"
        )
    if faults.positions_mm:
        assert recipe is not None
        return _uneven(recipe, upright(image.grid, "supine"), faults)
    if faults.tilt_deg or faults.orientation == "oblique":
        assert recipe is not None
        grid = upright(image.grid, "supine")
        grid = tilted(grid, faults.tilt_deg) if faults.tilt_deg else oblique(grid)
        image = recipe.on(grid).image
    else:
        image = reoriented(image, faults.orientation)
    return _on_grid(image, recipe)


def tilted(grid: Grid, tilt_deg: float) -> Grid:
    """The slices of `grid` tilted about their rows but stacked along the table: a sheared grid."""
    turn = rotation((tilt_deg, 0.0, 0.0))
    affine = np.array(grid.affine)
    affine[:3, :2] = turn @ affine[:3, :2]
    middle = (np.array(grid.shape) - 1) / 2
    affine[:3, 3] = grid.world(middle) - affine[:3, :3] @ middle
    return Grid(grid.shape, affine)


def oblique(grid: Grid) -> Grid:
    """`grid` rotated about its center by OBLIQUE_DEG."""
    affine = np.array(grid.affine)
    affine[:3, :3] = rotation(OBLIQUE_DEG) @ affine[:3, :3]
    middle = (np.array(grid.shape) - 1) / 2
    affine[:3, 3] = grid.world(middle) - affine[:3, :3] @ middle
    return Grid(grid.shape, affine)


def upright(grid: Grid, orientation: str) -> Grid:
    """`grid` with the axes of an orientation."""
    return grid.reoriented(STACK_LETTERS[orientation])


def reoriented(image: Volume, orientation: str) -> Volume:
    """The same voxels with the axes of an orientation; slices ascend along their normal."""
    grid = upright(image.grid, orientation)
    lattice = np.rint(np.linalg.inv(image.grid.affine) @ grid.affine).astype(int)
    order = [int(np.flatnonzero(lattice[:3, axis])[0]) for axis in range(3)]
    array = image.array.transpose(order)
    back = tuple(axis for axis in range(3) if lattice[order[axis], axis] < 0)
    return Volume.from_array(np.flip(array, back), affine=grid.affine)


def _on_grid(image: Volume, recipe: Recipe | ChestRecipe | None) -> Acquisition:
    grid = image.grid
    index = np.zeros((grid.shape[2], 3))
    index[:, 2] = np.arange(grid.shape[2])
    normal = np.cross(grid.affine[:3, 0], grid.affine[:3, 1])
    thickness = abs(float(grid.affine[:3, 2] @ normal)) / float(np.linalg.norm(normal))
    return Acquisition(
        hu=image.array.astype(np.float32),
        origins_ras_mm=grid.world(index),
        grid=grid,
        recipe=recipe,
        step_i_ras_mm=grid.affine[:3, 0],
        step_j_ras_mm=grid.affine[:3, 1],
        thickness_mm=thickness,
    )


def _uneven(recipe: Recipe | ChestRecipe, grid: Grid, faults: Faults) -> Acquisition:
    """Slices of one thickness at the given positions, mm along the table from the first slice."""
    grid = tilted(grid, faults.tilt_deg) if faults.tilt_deg else grid
    step = grid.spacing_mm[2]
    if list(faults.positions_mm) != sorted(faults.positions_mm):
        raise GeometryError(
            "positions_mm do not ascend; expected ascending mm along the table from the first slice"
        )
    noiseless = replace(recipe, noise_hu=0.0)
    indices = [position / step for position in faults.positions_mm]
    planes = [grid.moved((*grid.shape[:2], 1), _shift(index)) for index in indices]
    exact = np.concatenate([noiseless.on(plane).exact.array for plane in planes], axis=2)
    noisy = exact + noise((*grid.shape[:2], len(indices)), sd=recipe.noise_hu, seed=recipe.seed)
    even = _on_grid(Volume.from_array(np.zeros(grid.shape, np.int16), affine=grid.affine), recipe)
    origins = grid.world([(0.0, 0.0, index) for index in indices])
    return replace(
        even, hu=np.rint(noisy).clip(AIR_HU).astype(np.float32), origins_ras_mm=origins, grid=None
    )


def _shift(slices: float) -> NDArray[np.float64]:
    move = np.eye(4)
    move[2, 3] = slices
    return move
