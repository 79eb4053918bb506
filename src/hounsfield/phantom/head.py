"""A head phantom on any grid: exact HU, tissue labels and masks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hounsfield.core.grid import Grid
from hounsfield.core.volume import Volume
from hounsfield.phantom import anatomy
from hounsfield.phantom.face import Face
from hounsfield.phantom.scene import Sampling, Scan, scanned
from hounsfield.phantom.shape import Shape, ellipsoid, moved
from hounsfield.phantom.skull import SkullVariant
from hounsfield.phantom.tissue import BRAIN, HEAD, HEADREST, Tissue

DEFAULT_SPACING_MM = (0.48828125, 0.48828125, 5.0)
"""Routine head CT: a field of view of 250 mm in 512 pixels, slices of 5 mm."""

DEFAULT_SHAPE = (512, 512, 32)
DEFAULT_CENTRE_MM = (0.0, -4.0, 10.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Hold the parameters of a head, without its grid; they are those of `head`.

    Parameters
    ----------
    noise_hu : float, default 4
        Standard deviation of the noise, HU.
    headrest : bool, default True
        Include headrest and table.
    blur_mm : float, default 0
        Full width at half maximum of the point spread, mm.
    seed : int, default 0
        Seed of the noise.
    sampling : {'average', 'point'}, default 'average'
        Whether voxels are averages over their cells, or samples at their centres.
    skull : SkullVariant, optional
        What differs in the skull: defects, vertebrae (default: nothing).
    face : Face, optional
        Nose, ears and frontal sinus of real sizes, and objects that touch the head.

    Examples
    --------
    >>> Recipe(noise_hu=0).sampling
    'average'
    """

    noise_hu: float = 4.0
    headrest: bool = True
    blur_mm: float = 0.0
    seed: int = 0
    sampling: Sampling = "average"
    skull: SkullVariant | None = None
    face: Face | None = None

    def on(self, grid: Grid) -> Head:
        """Return the head on a grid, with new noise.

        Parameters
        ----------
        grid : Grid
            The grid.

        Returns
        -------
        Head
            The head.
        """
        return head(
            grid,
            noise_hu=self.noise_hu,
            headrest=self.headrest,
            blur_mm=self.blur_mm,
            seed=self.seed,
            sampling=self.sampling,
            skull=self.skull,
            face=self.face,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Head:
    """Hold a head phantom and its ground truth, all on one grid.

    Parameters
    ----------
    image : Volume
        int16 HU, with noise.
    exact : Volume
        float32 HU, without noise.
    labels : Volume
        The `Tissue` that fills most of each voxel.
    masks : mapping of str to Volume
        'head' is everything within the skin, with the air of sinuses, ear canals and airway;
        'brain' everything within the inner table of the skull, down to the foramen magnum;
        'headrest' its shell and foam, without the table; with a `face`, one for each kind of
        object that touches it. A voxel is in a mask if more than half of it is.
    recipe : Recipe
        How the head was made.

    Examples
    --------
    >>> small = grid_about((0, 0, 0), shape=(32, 32, 20), spacing_mm=(7, 7, 9))
    >>> sorted(head(small).masks)
    ['brain', 'head', 'headrest']
    """

    image: Volume
    exact: Volume
    labels: Volume
    masks: Mapping[str, Volume]
    recipe: Recipe

    def on(self, grid: Grid) -> Head:
        """Return the same head on another grid, computed anew.

        Parameters
        ----------
        grid : Grid
            The grid.

        Returns
        -------
        Head
            The head, with new noise.
        """
        return self.recipe.on(grid)


def default_grid() -> Grid:
    """Return the grid of a routine head CT, from the foramen magnum to above the vertex.

    Returns
    -------
    Grid
        512 x 512 x 32 voxels of 0.488 x 0.488 x 5 mm, 'LPS'.

    Examples
    --------
    >>> default_grid().shape
    (512, 512, 32)
    """
    return grid_about(DEFAULT_CENTRE_MM, shape=DEFAULT_SHAPE, spacing_mm=DEFAULT_SPACING_MM)


def grid_about(
    centre_ras_mm: Sequence[float], *, shape: Sequence[int], spacing_mm: Sequence[float]
) -> Grid:
    """Return an upright 'LPS' grid around a point.

    Parameters
    ----------
    centre_ras_mm : sequence of float
        Centre of the grid, RAS+ mm.
    shape : sequence of int
        Shape (i, j, k).
    spacing_mm : sequence of float
        Spacing along (i, j, k), mm.

    Returns
    -------
    Grid
        The grid.

    Examples
    --------
    >>> grid_about((0, 0, 0), shape=(3, 3, 3), spacing_mm=(1, 1, 2)).world((1, 1, 1)).tolist()
    [0.0, 0.0, 0.0]
    """
    affine = np.diag([-spacing_mm[0], -spacing_mm[1], spacing_mm[2], 1.0])
    affine[:3, 3] = np.array(centre_ras_mm) - affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return Grid(shape, affine)


def shapes(
    *, headrest: bool = True, skull: SkullVariant | None = None, face: Face | None = None
) -> tuple[Shape, ...]:
    """Return the shapes of the phantom; later ones cover earlier ones.

    Parameters
    ----------
    headrest : bool, default True
        Include headrest and table.
    skull : SkullVariant, optional
        What differs in the skull (default: nothing).
    face : Face, optional
        A face of real sizes (default: the plain one).

    Returns
    -------
    tuple of Shape
        Air, table and headrest, objects that touch the head, patient.

    Examples
    --------
    >>> len(shapes()) > len(shapes(headrest=False))
    True
    """
    variant = skull if skull is not None else SkullVariant()
    rests = anatomy.table() + anatomy.headrest()
    everywhere = ellipsoid(Tissue.AIR, (0, 0, 0), (1e5, 1e5, 1e5))
    inside = (variant.bones, variant.contents)
    return (
        everywhere,
        *(moved(rests, size=1.0 if face is None else face.size) if headrest else ()),
        *(anatomy.patient(*inside) if face is None else face.objects() + face.patient(*inside)),
    )


def head(
    grid: Grid | None = None,
    *,
    noise_hu: float = 4.0,
    headrest: bool = True,
    blur_mm: float = 0.0,
    seed: int = 0,
    sampling: Sampling = "average",
    skull: SkullVariant | None = None,
    face: Face | None = None,
) -> Head:
    """Make a head phantom and its ground truth.

    Parameters
    ----------
    grid : Grid, optional
        Any grid (default: that of a routine head CT).
    noise_hu : float, default 4
        Standard deviation of the noise of `image`, HU.
    headrest : bool, default True
        Include headrest and table.
    blur_mm : float, default 0
        Full width at half maximum of the point spread, a Gaussian in three dimensions, mm.
    seed : int, default 0
        Seed of the noise; the same seed and grid give the same bytes.
    sampling : {'average', 'point'}, default 'average'
        Whether voxels are averages over their cells, exact within 1e-3 of a voxel, or samples at
        their centres.
    skull : SkullVariant, optional
        What differs in the skull: defects, vertebrae (default: nothing).
    face : Face, optional
        Nose, ears and frontal sinus of real sizes, the size and pose of the head, and objects that
        touch it (default: a plain face).

    Returns
    -------
    Head
        The image, exact HU, labels and masks.

    Raises
    ------
    GeometryError
        If noise or blur is negative.

    Notes
    -----
    The standard deviation of the point spread is ``blur_mm / (2 sqrt(2 ln 2))``.

    Examples
    --------
    >>> small = head(grid_about((0, 0, 0), shape=(32, 32, 20), spacing_mm=(7, 7, 9)), noise_hu=0)
    >>> small.image.array.dtype, small.masks["brain"].array.any()
    (dtype('int16'), np.True_)
    """
    scan = Scan(noise_hu=noise_hu, blur_mm=blur_mm, seed=seed, sampling=sampling)
    where = grid if grid is not None else default_grid()
    groups = {
        "head": HEAD,
        "brain": BRAIN,
        "headrest": HEADREST,
        **({} if face is None else face.masks()),
    }
    made = scanned(shapes(headrest=headrest, skull=skull, face=face), where, groups, scan)
    return Head(
        image=made.image,
        exact=made.exact,
        labels=made.labels,
        masks=made.masks,
        recipe=Recipe(
            noise_hu=noise_hu,
            headrest=headrest,
            blur_mm=blur_mm,
            seed=seed,
            sampling=sampling,
            skull=skull,
            face=face,
        ),
    )
