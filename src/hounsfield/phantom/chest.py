"""A chest phantom on any grid: exact HU, tissue labels and masks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from hounsfield.core.errors import GeometryError
from hounsfield.core.grid import Grid
from hounsfield.core.volume import Volume
from hounsfield.phantom import thorax
from hounsfield.phantom.head import grid_about
from hounsfield.phantom.scene import Groups, Sampling, Scan, scanned
from hounsfield.phantom.shape import Shape, ellipsoid, moved
from hounsfield.phantom.tissue import LUNGS, TABLES, Tissue

Disease = Literal["", "consolidation", "effusion", "atelectasis", "pneumothorax"]

CHEST_SPACING_MM = (0.78125, 0.78125, 1.25)
"""Routine chest CT: a field of view of 400 mm in 512 pixels."""

CHEST_SHAPE = (512, 512, 280)
CHEST_CENTRE_MM = (0.0, -5.0, 0.0)

SIZES = (0.3, 1.3)
"""Range of `size`: the chest of a newborn is 0.35 of the phantom's width."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thorax:
    """Hold what differs in a chest from the default one.

    Parameters
    ----------
    nodule_mm : float, default 0
        Diameter of a nodule at the right pleura, of which the half in the lung is there, mm; 0 for
        none.
    disease : {'', 'consolidation', 'effusion', 'atelectasis', 'pneumothorax'}, default ''
        What is in the place of lung: tissue or fluid behind, a whole lung without air, or gas
        around a small lung.
    side : {'left', 'right'}, default 'right'
        Where it is.
    septum_mm : float, default 0
        Thickness of the septum in front of the heart that alone is between the lungs, mm; 0 if
        they are apart.
    size : float, default 1
        Scale of the patient, from 0.3 to 1.3.
    turn_deg : tuple of float, default (0, 0, 0)
        Rotation of the patient about R, then A, then S, degrees; the table stays.

    Raises
    ------
    GeometryError
        If a length, the size, the disease or the side is out of its range.

    Examples
    --------
    >>> Thorax(disease="effusion", side="left").nodule_mm
    0.0
    """

    nodule_mm: float = 0.0
    disease: Disease = ""
    side: Literal["left", "right"] = "right"
    septum_mm: float = 0.0
    size: float = 1.0
    turn_deg: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        lengths = (self.nodule_mm, self.septum_mm)
        if not (np.isfinite([*lengths, *self.turn_deg]).all() and min(lengths) >= 0):
            raise GeometryError("a length of the chest is under 0 mm, or an angle not finite")
        if not SIZES[0] <= self.size <= SIZES[1]:
            raise GeometryError(f"size is {self.size:g}; expected {SIZES[0]:g} to {SIZES[1]:g}")
        for name, allowed in (("disease", get_args(Disease)), ("side", ("left", "right"))):
            if getattr(self, name) not in allowed:
                found, known = getattr(self, name), ", ".join(filter(None, allowed))
                raise GeometryError(f"{name} is {found!r}; expected one of {known}")

    def patient(self) -> tuple[Shape, ...]:
        """Return the patient, scaled and turned.

        Returns
        -------
        tuple of Shape
            Later shapes cover earlier ones.
        """
        lungs = [thorax.lung(side) for side in thorax.SIDES]
        vessels = [shape for side in thorax.SIDES for shape in thorax.vessels(side)]
        whole = (
            *thorax.body(),
            *thorax.cage(),
            *lungs,
            *vessels,
            *(thorax.disease(self.disease, self.side) if self.disease else ()),
            *(thorax.nodule(self.nodule_mm) if self.nodule_mm else ()),
            *thorax.mediastinum(),
            *thorax.abdomen(),
            *(thorax.tongues(self.septum_mm) if self.septum_mm else ()),
            *thorax.spine(),
            *thorax.airway(),
        )
        return moved(whole, size=self.size, turn_deg=self.turn_deg)

    def groups(self) -> Groups:
        """Return the tissues of each mask of the chest.

        Returns
        -------
        dict of str to frozenset of Tissue
            'body', 'lung', 'lung-left', 'lung-right' and 'trachea'; 'nodule' and the disease, if
            they are there.
        """
        nodule = frozenset({Tissue.NODULE})
        right = LUNGS["right"] | nodule
        dense = {"consolidation": Tissue.CONSOLIDATION, "atelectasis": Tissue.CONSOLIDATION}
        kinds = {**dense, "effusion": Tissue.EFFUSION, "pneumothorax": Tissue.PLEURAL_GAS}
        return {
            "body": frozenset(Tissue) - TABLES - {Tissue.AIR},
            "lung": LUNGS["left"] | right,
            "lung-left": LUNGS["left"],
            "lung-right": right,
            "trachea": frozenset({Tissue.AIRWAY}),
            **({"nodule": nodule} if self.nodule_mm else {}),
            **({self.disease: frozenset({kinds[self.disease]})} if self.disease else {}),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ChestRecipe:
    """Hold the parameters of a chest, without its grid; they are those of `chest`.

    Parameters
    ----------
    noise_hu : float, default 15
        Standard deviation of the noise, HU.
    table : bool, default True
        Include the table.
    blur_mm : float, default 0
        Full width at half maximum of the point spread, mm.
    seed : int, default 0
        Seed of the noise.
    sampling : {'average', 'point'}, default 'average'
        Whether voxels are averages over their cells, or samples at their centres.
    thorax : Thorax, optional
        What differs in the chest (default: nothing).

    Examples
    --------
    >>> ChestRecipe(noise_hu=0).table
    True
    """

    noise_hu: float = 15.0
    table: bool = True
    blur_mm: float = 0.0
    seed: int = 0
    sampling: Sampling = "average"
    thorax: Thorax | None = None

    def on(self, grid: Grid) -> Chest:
        """Return the chest on a grid, with new noise.

        Parameters
        ----------
        grid : Grid
            The grid.

        Returns
        -------
        Chest
            The chest.
        """
        return chest(
            grid,
            noise_hu=self.noise_hu,
            table=self.table,
            blur_mm=self.blur_mm,
            seed=self.seed,
            sampling=self.sampling,
            thorax=self.thorax,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Chest:
    """Hold a chest phantom and its ground truth, all on one grid.

    Parameters
    ----------
    image : Volume
        int16 HU, with noise.
    exact : Volume
        float32 HU, without noise.
    labels : Volume
        The `Tissue` that fills most of each voxel.
    masks : mapping of str to Volume
        'body' is everything within the skin; 'lung-left' and 'lung-right' each lung with its
        vessels and a nodule, without consolidation, fluid and gas of the pleura; 'lung' both;
        'trachea' the lumen of trachea and main bronchi. A voxel is in a mask if more than half of
        it is.
    recipe : ChestRecipe
        How the chest was made.

    Examples
    --------
    >>> small = grid_about((0, 0, 0), shape=(40, 32, 30), spacing_mm=(10, 10, 12))
    >>> sorted(chest(small).masks)
    ['body', 'lung', 'lung-left', 'lung-right', 'trachea']
    """

    image: Volume
    exact: Volume
    labels: Volume
    masks: Mapping[str, Volume]
    recipe: ChestRecipe

    def on(self, grid: Grid) -> Chest:
        """Return the same chest on another grid, computed anew.

        Parameters
        ----------
        grid : Grid
            The grid.

        Returns
        -------
        Chest
            The chest, with new noise.
        """
        return self.recipe.on(grid)


def chest(
    grid: Grid | None = None,
    *,
    noise_hu: float = 15.0,
    table: bool = True,
    blur_mm: float = 0.0,
    seed: int = 0,
    sampling: Sampling = "average",
    thorax: Thorax | None = None,
) -> Chest:
    """Make a chest phantom and its ground truth.

    Parameters
    ----------
    grid : Grid, optional
        Any grid (default: that of a routine chest CT).
    noise_hu : float, default 15
        Standard deviation of the noise of `image`, HU.
    table : bool, default True
        Include the table.
    blur_mm : float, default 0
        Full width at half maximum of the point spread, a Gaussian in three dimensions, mm.
    seed : int, default 0
        Seed of the noise; the same seed and grid give the same bytes.
    sampling : {'average', 'point'}, default 'average'
        Whether voxels are averages over their cells, or samples at their centres.
    thorax : Thorax, optional
        What differs in the chest: a nodule, a disease, lungs that touch, size and pose.

    Returns
    -------
    Chest
        The image, exact HU, labels and masks.

    Raises
    ------
    GeometryError
        If noise or blur is negative.

    Examples
    --------
    >>> small = grid_about((0, 0, 0), shape=(40, 32, 30), spacing_mm=(10, 10, 12))
    >>> made = chest(small, noise_hu=0, thorax=Thorax(disease="consolidation"))
    >>> bool(made.masks["lung-left"].array.sum() > made.masks["lung-right"].array.sum())
    True
    """
    scan = Scan(noise_hu=noise_hu, blur_mm=blur_mm, seed=seed, sampling=sampling)
    variant = thorax if thorax is not None else Thorax()
    where = grid if grid is not None else chest_grid()
    made = scanned(_shapes(variant, table), where, variant.groups(), scan)
    return Chest(
        image=made.image,
        exact=made.exact,
        labels=made.labels,
        masks=made.masks,
        recipe=ChestRecipe(
            noise_hu=noise_hu,
            table=table,
            blur_mm=blur_mm,
            seed=seed,
            sampling=sampling,
            thorax=thorax,
        ),
    )


def chest_grid() -> Grid:
    """Return the grid of a routine chest CT, from the neck to the upper abdomen.

    Returns
    -------
    Grid
        512 x 512 x 280 voxels of 0.781 x 0.781 x 1.25 mm, 'LPS'.

    Examples
    --------
    >>> chest_grid().shape
    (512, 512, 280)
    """
    return grid_about(CHEST_CENTRE_MM, shape=CHEST_SHAPE, spacing_mm=CHEST_SPACING_MM)


def _shapes(variant: Thorax, table: bool) -> Sequence[Shape]:
    everywhere = ellipsoid(Tissue.AIR, (0, 0, 0), (1e5, 1e5, 1e5))
    return (everywhere, *(thorax.table() if table else ()), *variant.patient())
