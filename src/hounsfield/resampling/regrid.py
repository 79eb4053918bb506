"""Resample a volume to another grid, such as a prediction to the original scan."""

from __future__ import annotations

from typing import Literal

import numpy as np

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import GeometryError, QuantityError
from hounsfield.core.grid import Grid
from hounsfield.core.overlap import check_overlap
from hounsfield.core.volume import Volume, unshared
from hounsfield.resampling.axes import Method
from hounsfield.resampling.labels import sample_label
from hounsfield.resampling.one_pass import sample_volume
from hounsfield.resampling.sampling import Sampling, holds, resample_oblique, sampled_dtype

LabelMethod = Literal["nearest", "partial_volume"]

LABEL_METHODS = {
    "copy": "its voxels were copied",
    "nearest": "each voxel has the nearest label",
    "partial_volume": "each voxel has the label with the largest share of it",
}
"""How a label was resampled, for diagnostics."""


def regrid(volume: Volume, grid: Grid, *, method: Method | None = None) -> Volume:
    """Resample a volume to another grid, such as a prediction to the original scan.

    Parameters
    ----------
    volume : Volume
        The image, label map or mask.
    grid : Grid
        The grid of the result.
    method : {'linear', 'cubic', 'area', 'conservative', 'auto', 'nearest'}, optional
        The interpolation; None is linear for images and nearest for labels and masks. For labels
        any other method takes the label with the largest share of each voxel.

    Returns
    -------
    Volume
        The resampled volume, never sharing memory with `volume`. The dtype is that of `volume` for
        copies and labels, and float32 for interpolated images.

    Raises
    ------
    GeometryError
        If no voxel of the grid is inside the volume; the message states the distance.
    QuantityError
        If the volume does not cover the grid and its dtype cannot represent the background.

    Notes
    -----
    If both grids are aligned within 1e-3 voxel (flips, permutations, crops and pads), voxels are
    copied exactly. Voxels outside the volume are background.

    Examples
    --------
    >>> import numpy as np
    >>> label = np.ones((4, 4, 2), np.uint8)
    >>> label = Volume.from_array(label, affine=np.diag([-1, -1, 5, 1]), quantity="label")
    >>> regrid(label, label.grid.boxed((0, 0, 0), (4, 4, 3))).array[0, 0].tolist()
    [1, 1, 0]
    """
    check_overlap(grid, volume.grid, what="the target grid")
    return regrid_anywhere(volume, grid, method=method)


def regrid_anywhere(volume: Volume, grid: Grid, *, method: Method | None = None) -> Volume:
    """Resample like `regrid`; a grid outside the volume, such as one slice, is background."""
    return unshared(_regridded(volume, grid, method=method), [volume])


def label_on_grid(
    label: Volume, grid: Grid, *, name: str, method: LabelMethod
) -> tuple[Volume, tuple[Diagnostic, ...]]:
    """Resample a label or mask to the grid of an image; it is copied if both are aligned.

    Parameters
    ----------
    label
        Voxels (i, j, k) of quantity 'label' or 'mask'.
    grid
        The image's grid.
    name
        The label's name in messages.
    method
        For grids that are not aligned: 'nearest' is the label at the nearest voxel, as in a run
        over a data set; 'partial_volume' is the label with the largest share of each voxel, as in
        `read_labels`.

    Returns
    -------
    tuple[Volume, tuple[Diagnostic, ...]]
        The label on `grid`, and a REGRIDDED diagnostic unless it is on that grid already.

    Raises
    ------
    QuantityError
        If the quantity is not 'label' or 'mask'.
    GeometryError
        If the label does not overlap the image.
    """
    if label.quantity not in ("label", "mask"):
        raise QuantityError(f"label '{name}' is {label.quantity}; expected label or mask")
    if label.grid.same_as(grid):
        return Volume(label.array, label.spec.replaced(grid=grid)), ()
    how = LABEL_METHODS["copy" if grid.aligned_with(label.grid) else method]
    done = f"label '{name}' is on another grid ({label.grid!r}) than the image ({grid!r}): {how}"
    made = regrid_anywhere(label, grid, method="linear" if method == "partial_volume" else None)
    if made.array.any() or not label.array.any():
        return made, (Diagnostic("REGRIDDED", "repair", done),)
    _check_overlap(label, grid, name=name)
    done += "; no labelled voxel is inside the image"
    return made, (Diagnostic("REGRIDDED", "warning", done),)


def _check_overlap(label: Volume, grid: Grid, *, name: str) -> None:
    """Raise GeometryError if the field of view of a label does not overlap `grid`."""
    ones = np.ones(label.array.shape, dtype=np.uint8, order="F")
    field = Volume(ones, label.spec.replaced(dtype=ones.dtype))
    if not regrid_anywhere(field, grid).array.any():
        raise GeometryError(
            f"label '{name}' on {label.grid!r} does not overlap the image on {grid!r}; "
            f"check that it belongs to this scan"
        )


def _regridded(volume: Volume, grid: Grid, *, method: Method | None) -> Volume:
    is_label = volume.quantity in ("label", "mask")
    sampling = Sampling.between(volume.grid, grid, method=method or "linear")
    if is_label:
        return sample_label(
            volume,
            grid,
            sampling,
            method="nearest" if method in (None, "nearest") else "partial_volume",
        )
    spec = volume.spec.replaced(
        grid=grid, dtype=sampled_dtype(volume.spec.dtype, sampling, method=method or "linear")
    )
    if (sampling is None or sampling.pads) and not holds(spec.dtype, spec.background):
        raise QuantityError(
            f"regrid: background {spec.background:g} cannot be represented in {spec.dtype}, and "
            "the volume does not cover the grid"
        )
    if sampling is None:
        return Volume(resample_oblique(volume, grid, method=method or "linear"), spec)
    return sample_volume(volume, sampling, spec=spec)
