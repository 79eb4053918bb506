"""Resample a volume to another grid, such as a prediction to the original scan."""

from __future__ import annotations

from typing import get_args

import numpy as np

from hounsfield.core.arguments import checked
from hounsfield.core.cast import check_finite
from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import GeometryError, QuantityError
from hounsfield.core.grid import Grid
from hounsfield.core.overlap import check_overlap
from hounsfield.core.volume import Volume, unshared
from hounsfield.resampling.axes import Method
from hounsfield.resampling.labels import LabelMethod, is_label, sample_label
from hounsfield.resampling.oblique import check_oblique, sample_oblique
from hounsfield.resampling.one_pass import sample_volume
from hounsfield.resampling.sampling import Sampling, holds, sampled_dtype

LABEL_COPIED = "its voxels were copied"
LABEL_RESAMPLED = "each voxel has the label with the largest share of it"
"""How a label was resampled, for diagnostics."""


@checked
def regrid(volume: Volume, grid: Grid, *, method: Method | None = None) -> Volume:
    """Resample a volume to another grid, such as a prediction to the original scan.

    Parameters
    ----------
    volume : Volume
        The image, label map or mask.
    grid : Grid
        The grid of the result.
    method : {'linear', 'cubic', 'area', 'conservative', 'auto', 'nearest'}, optional
        The interpolation of an image; None is linear. A label or mask gets, for each voxel, the
        label with the largest share of it, whatever the method is, but for 'nearest'.

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
        If a voxel is NaN or infinite, the volume does not cover the grid and its dtype cannot
        represent the background, or the method is unknown, or 'cubic' for an oblique grid.

    Notes
    -----
    If both grids are aligned within 1e-3 voxel (flips, permutations, crops and pads), voxels are
    copied exactly. Voxels outside the volume are background. On a grid oblique to the volume,
    'area', 'conservative' and 'auto' average along the volume's axes that get coarser and then
    interpolate linearly; 'cubic' is refused.

    Examples
    --------
    >>> import numpy as np
    >>> label = np.ones((4, 4, 2), np.uint8)
    >>> label = Volume.from_array(label, affine=np.diag([-1, -1, 5, 1]), quantity="label")
    >>> regrid(label, label.grid.boxed((0, 0, 0), (4, 4, 3))).array[0, 0].tolist()
    [1, 1, 0]
    """
    if method is not None and method not in get_args(Method):
        raise QuantityError(
            f"unknown method {str(method)[:40]!r}; expected one of {', '.join(get_args(Method))}"
        )
    check_overlap(grid, volume.grid, what="the target grid")
    check_finite(volume, what="the volume")
    return regrid_anywhere(volume, grid, method=method)


def regrid_anywhere(volume: Volume, grid: Grid, *, method: Method | None = None) -> Volume:
    """Resample like `regrid`; a grid outside the volume, such as one slice, is background."""
    return unshared(_regridded(volume, grid, method=method), [volume])


def label_on_grid(label: Volume, grid: Grid, *, name: str) -> tuple[Volume, tuple[Diagnostic, ...]]:
    """Resample a label or mask to the grid of an image, as `regrid` does, and report it.

    Parameters
    ----------
    label
        Voxels (i, j, k) of quantity 'label' or 'mask'.
    grid
        The image's grid.
    name
        The label's name in messages.

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
    if not is_label(label.quantity):
        raise QuantityError(f"label '{name}' is {label.quantity}; expected label or mask")
    if label.grid.same_as(grid):
        return Volume(label.array, label.spec.replaced(grid=grid)), ()
    how = LABEL_COPIED if grid.aligned_with(label.grid) else LABEL_RESAMPLED
    done = f"label '{name}' is on another grid ({label.grid!r}) than the image ({grid!r}): {how}"
    made = regrid_anywhere(label, grid)
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
    sampling = Sampling.between(volume.grid, grid, method=method or "linear")
    if is_label(volume.quantity):
        how: LabelMethod = "nearest" if method == "nearest" else "partial_volume"
        return sample_label(volume, grid, sampling, method=how)
    if sampling is None:
        check_oblique(method or "linear")
    spec = volume.spec.replaced(
        grid=grid, dtype=sampled_dtype(volume.spec.dtype, sampling, method=method or "linear")
    )
    if (sampling is None or sampling.pads) and not holds(spec.dtype, spec.background):
        raise QuantityError(
            f"regrid: background {spec.background:g} cannot be represented in {spec.dtype}, and "
            "the volume does not cover the grid"
        )
    if sampling is None:
        return Volume(sample_oblique(volume, grid, method=method or "linear"), spec)
    return sample_volume(volume, sampling, spec=spec)
