"""Bring a volume onto another grid: the way back for predictions."""

from __future__ import annotations

from hounsfield.core.errors import QuantityError
from hounsfield.core.grid import Grid
from hounsfield.core.volume import Volume, unshared
from hounsfield.resampling.axes import Method
from hounsfield.resampling.labels import sample_label
from hounsfield.resampling.one_pass import sample_volume
from hounsfield.resampling.sampling import Sampling, gathered, holds, sampled_dtype


def regrid(volume: Volume, grid: Grid, *, method: Method | None = None) -> Volume:
    """The volume on `grid`: an exact copy of voxels where both are aligned within 1e-3 voxel (flips, permutations,
    crops and pads; background where the volume does not reach), interpolated where not.

    `method` None is linear for images and nearest for labels and masks, for which any other method means the label
    with the largest share of each cell. Dtype: as it was for copies and labels, float32 for interpolated images. The
    array is the caller's own.
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
            f"regrid: voxels of {spec.dtype} cannot hold the background {spec.background:g} where the volume "
            f"does not reach"
        )
    if sampling is None:
        return Volume(gathered(volume, grid, method=method or "linear"), spec)
    return sample_volume(volume, sampling, spec=spec)
