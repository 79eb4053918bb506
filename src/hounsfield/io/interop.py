"""Convert to and from nibabel and SimpleITK images in memory, with the same voxels and affine."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from hounsfield.core.arguments import checked, short
from hounsfield.core.errors import ArgumentError, GeometryError, QuantityError, warn_each
from hounsfield.core.policy import Assume, ReadPolicy
from hounsfield.core.spec import Quantity
from hounsfield.core.volume import Array, Volume
from hounsfield.io.nifti.layout import NIFTI2_BYTES, not_hu_by_intent
from hounsfield.io.nifti.writer import ORTHOGONAL_WITHIN, header_of
from hounsfield.io.values.affine import to_ras
from hounsfield.io.values.plausibility import check_hu
from hounsfield.io.values.storable import storable


def to_nibabel(volume: Volume) -> Any:
    """Convert a volume to a nibabel Nifti1Image with the same affine and no text fields.

    Channels become the fifth axis: (i, j, k, 1, channel). Large shapes give a Nifti2Image.
    """
    import nibabel

    array = storable(volume.array)
    header = header_of(volume.spec, array.dtype)
    data = array[:, :, :, np.newaxis, :] if volume.spec.channels else array
    kind = nibabel.Nifti2Image if len(header) == NIFTI2_BYTES else nibabel.Nifti1Image
    return kind(data, volume.grid.affine, kind.header_class(header))


@checked
def from_nibabel(
    image: Any,
    *,
    quantity: Quantity = "hu",
    background: float | None = None,
    assume: Assume | None = None,
) -> Volume:
    """Make a volume of a nibabel image, rescaled by its header.

    HU are checked as `hounsfield.read` checks them.

    Parameters
    ----------
    image : nibabel.spatialimages.SpatialImage
        The image.
    quantity : str, default 'hu'
        What the values are.
    background : float, optional
        The value outside of the volume (default: -1024 for HU, else 0).
    assume : str, optional
        'hu' if the values are known to be HU; they are not checked then.

    Returns
    -------
    Volume
        int16 if all values are integers that fit, else float32; `diagnostics` has the doubts.

    Raises
    ------
    GeometryError
        If the image does not have three axes, or no affine.
    QuantityError
        If voxels are not finite real numbers.
    RefusedError
        If the values cannot be HU, such as labels.

    Warns
    -----
    HounsfieldWarning
        If the values may not be HU.

    Examples
    --------
    >>> import nibabel
    >>> image = nibabel.Nifti1Image(np.zeros((4, 4, 2), np.int16), np.eye(4))
    >>> from_nibabel(image).shape
    (4, 4, 2)
    """
    if not all(hasattr(image, name) for name in ("dataobj", "affine")):
        raise ArgumentError(f"from_nibabel: image is {short(image)}; expected a nibabel image")
    not_hu = not_hu_by_intent(_intent(image))
    data = np.asanyarray(image.dataobj)
    shape = data.shape
    if data.ndim == 5 and shape[3] == 1:
        data = data[:, :, :, 0, :]
    elif data.ndim > 3 and all(size == 1 for size in shape[3:]):
        data = data.reshape(shape[:3])
    if data.ndim not in (3, 4) or (data.ndim == 4 and len(shape) == 4):
        raise GeometryError(
            f"the image has the shape {shape}, expected three axes; pass one volume, such as "
            "image.slicer[..., 0]"
        )
    if image.affine is None:
        raise GeometryError(
            "the image has no affine; set one, as the positions of voxels are unknown without it"
        )
    volume = Volume.from_array(
        _plain(data), affine=image.affine, quantity=quantity, background=background
    )
    return _checked(volume, assume=assume, not_hu=not_hu)


def _intent(image: Any) -> int:
    """The intent code of a NIfTI header; 0 for other formats."""
    header = image.header
    return int(header["intent_code"]) if "intent_code" in getattr(header, "keys", list)() else 0


def _checked(volume: Volume, *, assume: Assume | None, not_hu: str | None = None) -> Volume:
    """The volume with its doubts as diagnostics, of which it warns; `not_hu` is from the header."""
    ReadPolicy(assume=assume)
    if volume.quantity != "hu" or assume == "hu":
        return volume
    found = check_hu(volume.array, not_hu=not_hu)
    warn_each(found)
    return replace(volume, diagnostics=found)


def to_sitk(volume: Volume) -> Any:
    """Convert a volume to a SimpleITK image in LPS+, with axes i, j, k and channels as components.

    Raises GeometryError for a sheared grid, which SimpleITK cannot represent.
    """
    import SimpleITK

    grid = volume.grid
    if np.abs(grid.directions.T @ grid.directions - np.eye(3)).max() > ORTHOGONAL_WITHIN:
        raise GeometryError(
            "the grid is sheared, which SimpleITK cannot represent; resample it first"
        )
    array = storable(volume.array)
    axes = (2, 1, 0, 3) if volume.spec.channels else (2, 1, 0)
    image = SimpleITK.GetImageFromArray(array.transpose(axes), isVector=bool(volume.spec.channels))
    affine_lps = to_ras(grid.affine)
    image.SetSpacing(grid.spacing_mm)
    image.SetDirection((affine_lps[:3, :3] / np.array(grid.spacing_mm)).ravel().tolist())
    image.SetOrigin(affine_lps[:3, 3].tolist())
    return image


@checked
def from_sitk(
    image: Any,
    *,
    quantity: Quantity = "hu",
    background: float | None = None,
    assume: Assume | None = None,
) -> Volume:
    """Make a volume of a SimpleITK image; its components are channels.

    HU are checked as `hounsfield.read` checks them.

    Parameters
    ----------
    image : SimpleITK.Image
        The image, in 3-D.
    quantity : str, default 'hu'
        What the values are.
    background : float, optional
        The value outside of the volume (default: -1024 for HU, else 0).
    assume : str, optional
        'hu' if the values are known to be HU; they are not checked then.

    Returns
    -------
    Volume
        int16 if all values are integers that fit, else float32; `diagnostics` has the doubts.

    Raises
    ------
    GeometryError
        If the image is not in 3-D.
    QuantityError
        If voxels are not finite real numbers.
    RefusedError
        If the values cannot be HU, such as labels.

    Warns
    -----
    HounsfieldWarning
        If the values may not be HU.

    Examples
    --------
    >>> import SimpleITK
    >>> from_sitk(SimpleITK.Image(4, 4, 2, SimpleITK.sitkInt16)).grid.orientation
    'LPS'
    """
    import SimpleITK

    if not isinstance(image, SimpleITK.Image):
        raise ArgumentError(f"from_sitk: image is {short(image)}; expected a SimpleITK image")
    if image.GetDimension() != 3:
        raise GeometryError(
            f"the image has {image.GetDimension()} axes, expected 3; pass one volume of it"
        )
    data = SimpleITK.GetArrayFromImage(image)
    affine_lps = np.eye(4)
    affine_lps[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) * np.array(image.GetSpacing())
    affine_lps[:3, 3] = image.GetOrigin()
    axes = (2, 1, 0, 3) if data.ndim == 4 else (2, 1, 0)
    volume = Volume.from_array(
        _plain(data.transpose(axes)),
        affine=to_ras(affine_lps),
        quantity=quantity,
        background=background,
    )
    return _checked(volume, assume=assume)


def _plain(data: Array) -> Array:
    """A copy: integers of up to 16 bits unchanged, others as int16 if exact, else float32."""
    from hounsfield.io.values.dtype import dtype_for, survey

    if data.dtype.kind not in "biuf":
        raise QuantityError(f"voxels are {data.dtype}; expected real numbers or booleans")
    if data.dtype.kind == "b" or (data.dtype.kind in "iu" and data.dtype.itemsize <= 2):
        return np.array(data, dtype=data.dtype.newbyteorder("="), order="F")
    found = survey(data)
    if found.non_finite:
        raise QuantityError("the image has NaN or infinite values; replace them first")
    return np.array(data, dtype=dtype_for(found), order="F")


__all__ = ["from_nibabel", "from_sitk", "to_nibabel", "to_sitk"]
