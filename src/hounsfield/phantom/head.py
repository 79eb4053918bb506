"""A head phantom on any grid: exact HU, tissue labels and masks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.errors import GeometryError
from hounsfield.core.grid import Grid
from hounsfield.core.spec import AIR_HU
from hounsfield.core.volume import Volume
from hounsfield.phantom import anatomy
from hounsfield.phantom.noise import noise
from hounsfield.phantom.render import Rendered, points, render
from hounsfield.phantom.shape import Shape, ellipsoid
from hounsfield.phantom.tissue import BRAIN, HEAD, HEADREST, Tissue, members, values

Sampling = Literal["average", "point"]

DEFAULT_SPACING_MM = (0.48828125, 0.48828125, 5.0)
"""Routine head CT: a field of view of 250 mm in 512 pixels, slices of 5 mm."""

DEFAULT_SHAPE = (512, 512, 32)
DEFAULT_CENTRE_MM = (0.0, -4.0, 10.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """The arguments of `head` except the grid."""

    noise_hu: float = 4.0
    headrest: bool = True
    blur_mm: float = 0.0
    seed: int = 0
    sampling: Sampling = "average"

    def on(self, grid: Grid) -> Head:
        """The same head on another grid (the noise is drawn anew)."""
        return head(
            grid,
            noise_hu=self.noise_hu,
            headrest=self.headrest,
            blur_mm=self.blur_mm,
            seed=self.seed,
            sampling=self.sampling,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Head:
    """A phantom and its truth, all on one grid.

    `image` is int16 HU with noise; `exact` float32 HU without (cell averages or point samples); `labels` the tissue
    (`Tissue`) that fills most of each voxel. `masks`: 'head' is all within the skin: face, neck, ears, and the air of
    sinuses, mastoid cells, ear canals and airway; 'brain' all within the inner table down to the plane of the foramen
    magnum: brain, ventricles, cerebrospinal fluid, dura, bleeds and calcifications; 'headrest' its shell and foam,
    not the air between it and the scalp nor the table. A voxel belongs to a mask where over half of it does.
    """

    image: Volume
    exact: Volume
    labels: Volume
    masks: Mapping[str, Volume]
    recipe: Recipe

    def on(self, grid: Grid) -> Head:
        """The same head on another grid: truth is computable on any."""
        return self.recipe.on(grid)


def default_grid() -> Grid:
    """The grid of a routine head CT: 512 x 512 x 32 voxels of 0.488 x 0.488 x 5 mm, 'LPS', from the foramen magnum
    to above the vertex."""
    return grid_about(DEFAULT_CENTRE_MM, shape=DEFAULT_SHAPE, spacing_mm=DEFAULT_SPACING_MM)


def grid_about(
    centre_ras_mm: Sequence[float], *, shape: Sequence[int], spacing_mm: Sequence[float]
) -> Grid:
    """An upright 'LPS' grid whose middle lies at `centre_ras_mm`."""
    affine = np.diag([-spacing_mm[0], -spacing_mm[1], spacing_mm[2], 1.0])
    affine[:3, 3] = np.array(centre_ras_mm) - affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return Grid(shape, affine)


def shapes(*, headrest: bool = True) -> tuple[Shape, ...]:
    """The whole scene in the painter's order: air, table and headrest (on request), patient."""
    everywhere = ellipsoid(Tissue.AIR, (0, 0, 0), (1e5, 1e5, 1e5))
    return (
        everywhere,
        *(anatomy.table() + anatomy.headrest() if headrest else ()),
        *anatomy.patient(),
    )


def head(
    grid: Grid | None = None,
    *,
    noise_hu: float = 4.0,
    headrest: bool = True,
    blur_mm: float = 0.0,
    seed: int = 0,
    sampling: Sampling = "average",
) -> Head:
    """A head phantom on `grid` (any grid; None: that of a routine head CT).

    `noise_hu` is the standard deviation of the noise of `image`; `blur_mm` the full width at half maximum of the
    scanner's point spread, a Gaussian in three dimensions (its sigma is 0.425 times that); `sampling` says whether
    voxels are averages over their cells, exact within 1e-3 of a voxel, or samples at their centres. The same seed and
    grid give the same bytes.

    >>> small = head(grid_about((0, 0, 0), shape=(32, 32, 20), spacing_mm=(7, 7, 9)), noise_hu=0)
    >>> small.image.array.dtype, small.masks["brain"].array.any()
    (dtype('int16'), np.True_)
    """
    if not (np.isfinite([noise_hu, blur_mm]).all() and noise_hu >= 0 and blur_mm >= 0):
        raise GeometryError(f"noise is {noise_hu} HU and blur {blur_mm} mm; expected 0 or more")
    where = grid if grid is not None else default_grid()
    scene = shapes(headrest=headrest)
    exact, labels, masks = _truth(scene, where)
    if blur_mm > 0:
        from hounsfield.phantom.blur import blurred

        exact = blurred(scene, where, fwhm_mm=blur_mm, sampling=sampling)
    elif sampling == "point":
        exact = values()[points(scene, where)]
    image = (
        np.rint(exact + noise(where.shape, sd=noise_hu, seed=seed))
        .clip(AIR_HU, 32767)
        .astype(np.int16)
    )
    return Head(
        image=Volume.from_array(image, affine=where.affine),
        exact=Volume.from_array(exact, affine=where.affine),
        labels=Volume.from_array(labels, affine=where.affine, quantity="label"),
        masks={
            name: Volume.from_array(mask, affine=where.affine, quantity="mask")
            for name, mask in masks.items()
        },
        recipe=Recipe(
            noise_hu=noise_hu, headrest=headrest, blur_mm=blur_mm, seed=seed, sampling=sampling
        ),
    )


Truth = tuple[NDArray[np.float32], NDArray[np.uint8], dict[str, NDArray[np.uint8]]]


def _truth(scene: Sequence[Shape], grid: Grid) -> Truth:
    exact = np.empty(grid.shape, dtype=np.float32, order="F")
    labels = np.empty(grid.shape, dtype=np.uint8, order="F")
    groups = {"head": members(HEAD), "brain": members(BRAIN), "headrest": members(HEADREST)}
    masks = {name: np.empty(grid.shape, dtype=np.uint8, order="F") for name in groups}
    for piece in render(scene, grid, tissues=len(Tissue)):
        _store(piece, exact, labels)
        for name, group in groups.items():
            masks[name][:, :, piece.start : piece.stop] = piece.mapped(group) > 0.5
    return exact, labels, masks


def _store(piece: Rendered, exact: NDArray[np.float32], labels: NDArray[np.uint8]) -> None:
    exact[:, :, piece.start : piece.stop] = piece.mapped(values())
    labels[:, :, piece.start : piece.stop] = piece.majority()
