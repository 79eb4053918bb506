"""Resample a volume to another grid, such as a prediction to the original scan."""

from __future__ import annotations

from hounsfield.core.errors import QuantityError
from hounsfield.core.grid import Grid
from hounsfield.core.volume import Volume, unshared
from hounsfield.resampling.axes import Method
from hounsfield.resampling.labels import sample_label
from hounsfield.resampling.one_pass import sample_volume
from hounsfield.resampling.sampling import Sampling, holds, resample_oblique, sampled_dtype


def regrid(volume: Volume, grid: Grid, *, method: Method | None = None) -> Volume:
    """Resample a volume to `grid`: an exact copy if aligned within 1e-3 voxel, else interpolated.

    Copies cover flips, permutations, crops and pads; voxels outside the volume are background.
    `method` None is linear for images and nearest for labels and masks; for these, any other method
    takes the label with the largest share of each cell. The dtype is kept for copies and labels,
    and float32 for interpolated images. The array is never shared with `volume`.
    """
    return unshared(_regridded(volume, grid, method=method), [volume])


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
