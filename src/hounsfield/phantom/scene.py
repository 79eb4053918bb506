"""A scene of shapes as volumes: HU with noise, exact HU, labels and masks."""

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
from hounsfield.phantom.noise import noise
from hounsfield.phantom.render import Rendered, points, render
from hounsfield.phantom.shape import Shape
from hounsfield.phantom.tissue import Tissue, members, values

Sampling = Literal["average", "point"]

Groups = Mapping[str, frozenset[Tissue]]
"""The tissues of each mask."""

Truth = tuple[NDArray[np.float32], NDArray[np.uint8], dict[str, NDArray[np.uint8]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """How a scene is scanned: noise and blur, and whether voxels are averages or samples."""

    noise_hu: float
    blur_mm: float
    seed: int
    sampling: Sampling

    def __post_init__(self) -> None:
        amounts = (self.noise_hu, self.blur_mm)
        if not (np.isfinite(amounts).all() and min(amounts) >= 0):
            raise GeometryError(
                f"noise is {self.noise_hu} HU and blur {self.blur_mm} mm; expected 0 or more"
            )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scanned:
    """A scene on a grid."""

    image: Volume
    exact: Volume
    labels: Volume
    masks: Mapping[str, Volume]


def scanned(scene: Sequence[Shape], grid: Grid, groups: Groups, scan: Scan) -> Scanned:
    """Render a scene with its ground truth; a voxel is in a mask if more than half of it is."""
    exact, labels, masks = _truth(scene, grid, groups)
    if scan.blur_mm > 0:
        from hounsfield.phantom.blur import blurred

        exact = blurred(scene, grid, fwhm_mm=scan.blur_mm, sampling=scan.sampling)
    elif scan.sampling == "point":
        exact = values()[points(scene, grid)]
    image = (
        np.rint(exact + noise(grid.shape, sd=scan.noise_hu, seed=scan.seed))
        .clip(AIR_HU, 32767)
        .astype(np.int16)
    )
    return Scanned(
        image=Volume.from_array(image, affine=grid.affine),
        exact=Volume.from_array(exact, affine=grid.affine),
        labels=Volume.from_array(labels, affine=grid.affine, quantity="label"),
        masks={
            name: Volume.from_array(mask, affine=grid.affine, quantity="mask")
            for name, mask in masks.items()
        },
    )


def _truth(scene: Sequence[Shape], grid: Grid, groups: Groups) -> Truth:
    exact = np.empty(grid.shape, dtype=np.float32, order="F")
    labels = np.empty(grid.shape, dtype=np.uint8, order="F")
    tissues = 1 + max(shape.tissue for shape in scene)
    parts = {name: members(group)[:tissues] for name, group in groups.items()}
    masks = {name: np.empty(grid.shape, dtype=np.uint8, order="F") for name in parts}
    for piece in render(scene, grid, tissues=tissues):
        _store(piece, exact, labels)
        for name, group in parts.items():
            masks[name][:, :, piece.start : piece.stop] = piece.mapped(group) > 0.5
    return exact, labels, masks


def _store(piece: Rendered, exact: NDArray[np.float32], labels: NDArray[np.uint8]) -> None:
    exact[:, :, piece.start : piece.stop] = piece.mapped(values()[: piece.fractions.shape[1]])
    labels[:, :, piece.start : piece.stop] = piece.majority()
