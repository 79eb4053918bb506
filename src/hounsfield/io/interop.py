"""To and from nibabel and SimpleITK, in memory: the same voxels at the same places."""

from __future__ import annotations

from typing import Any

import numpy as np

from hounsfield.core.errors import GeometryError, QuantityError
from hounsfield.core.spec import Quantity
from hounsfield.core.volume import Array, Volume
from hounsfield.io.nifti.layout import NIFTI2_BYTES
from hounsfield.io.nifti.writer import ORTHOGONAL_WITHIN, header_of
from hounsfield.io.values.affine import to_ras
from hounsfield.io.values.storable import storable


def to_nibabel(volume: Volume) -> Any:
    """The volume as a nibabel Nifti1Image (channels: axes i, j, k, 1, channel), with the same affine and no text."""
    import nibabel

    array = storable(volume.array)
    header = header_of(volume.spec, array.dtype)
    data = array[:, :, :, np.newaxis, :] if volume.spec.channels else array
    kind = nibabel.Nifti2Image if len(header) == NIFTI2_BYTES else nibabel.Nifti1Image
    return kind(data, volume.grid.affine, kind.header_class(header))


def from_nibabel(
    image: Any, *, quantity: Quantity = "hu", background: float | None = None
) -> Volume:
    """A nibabel image as a Volume, rescaled as its header says: int16 where all values are whole and fit, else float32.

    Raises GeometryError where it has no three axes, QuantityError where its voxels are not plain, finite numbers.
    """
    data = np.asanyarray(image.dataobj)
    shape = data.shape
    if data.ndim == 5 and shape[3] == 1:
        data = data[:, :, :, 0, :]
    elif data.ndim > 3 and all(size == 1 for size in shape[3:]):
        data = data.reshape(shape[:3])
    if data.ndim not in (3, 4) or (data.ndim == 4 and len(shape) == 4):
        raise GeometryError(
            f"the image has the shape {shape}; take one volume of it, image.slicer[..., 0]"
        )
    if image.affine is None:
        raise GeometryError("the image has no affine, so nothing says where its voxels lie")
    return Volume.from_array(
        _plain(data), affine=image.affine, quantity=quantity, background=background
    )


def to_sitk(volume: Volume) -> Any:
    """The volume as a SimpleITK image: axes i, j, k kept, RAS+ turned into LPS+, channels as components.

    Raises GeometryError where the axes are not at right angles, which SimpleITK cannot say.
    """
    import SimpleITK

    grid = volume.grid
    if np.abs(grid.directions.T @ grid.directions - np.eye(3)).max() > ORTHOGONAL_WITHIN:
        raise GeometryError("SimpleITK cannot hold a sheared grid: resample it first")
    array = storable(volume.array)
    axes = (2, 1, 0, 3) if volume.spec.channels else (2, 1, 0)
    image = SimpleITK.GetImageFromArray(array.transpose(axes), isVector=bool(volume.spec.channels))
    affine_lps = to_ras(grid.affine)
    image.SetSpacing(grid.spacing_mm)
    image.SetDirection((affine_lps[:3, :3] / np.array(grid.spacing_mm)).ravel().tolist())
    image.SetOrigin(affine_lps[:3, 3].tolist())
    return image


def from_sitk(image: Any, *, quantity: Quantity = "hu", background: float | None = None) -> Volume:
    """A SimpleITK image as a Volume, its components as channels; raises GeometryError where it is not 3-D."""
    import SimpleITK

    if image.GetDimension() != 3:
        raise GeometryError(f"the image has {image.GetDimension()} axes; take one volume of it")
    data = SimpleITK.GetArrayFromImage(image)
    affine_lps = np.eye(4)
    affine_lps[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) * np.array(image.GetSpacing())
    affine_lps[:3, 3] = image.GetOrigin()
    axes = (2, 1, 0, 3) if data.ndim == 4 else (2, 1, 0)
    return Volume.from_array(
        _plain(data.transpose(axes)),
        affine=to_ras(affine_lps),
        quantity=quantity,
        background=background,
    )


def _plain(data: Array) -> Array:
    """Integers to 16 bits as they are, others int16 where they are whole and fit, else float32; a copy."""
    from hounsfield.io.values.dtype import dtype_for, survey

    if data.dtype.kind not in "biuf":
        raise QuantityError(f"voxels are real numbers or booleans, not {data.dtype}")
    if data.dtype.kind == "b" or (data.dtype.kind in "iu" and data.dtype.itemsize <= 2):
        return np.array(data, dtype=data.dtype.newbyteorder("="), order="F")
    found = survey(data)
    if found.non_finite:
        raise QuantityError("the image holds NaN or infinite values; replace them first")
    return np.array(data, dtype=dtype_for(found), order="F")


__all__ = ["from_nibabel", "from_sitk", "to_nibabel", "to_sitk"]
