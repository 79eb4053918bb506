"""To and from nibabel and SimpleITK: the same voxels at the same places."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK
from hypothesis import given, settings

from hounsfield.core.errors import GeometryError, QuantityError
from hounsfield.core.volume import Volume
from hounsfield.io.interop import from_nibabel, from_sitk, to_nibabel, to_sitk
from tests.io.volumes import volumes

NARROW = ["int16", "uint8", "int8", "uint16", "float32"]


@given(volume=volumes(dtypes=NARROW))
@settings(max_examples=30)
def test_nibabel_gives_back_what_it_got(volume: Volume) -> None:
    image = to_nibabel(volume)
    np.testing.assert_array_equal(np.asarray(image.dataobj), volume.array)
    np.testing.assert_array_equal(image.affine, volume.grid.affine)
    back = from_nibabel(image, quantity="other")
    np.testing.assert_array_equal(back.array, volume.array)
    assert back.grid == volume.grid


@given(volume=volumes(dtypes=NARROW))
@settings(max_examples=30)
def test_simpleitk_gives_back_what_it_got(volume: Volume) -> None:
    image = to_sitk(volume)
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(image).T, volume.array)
    last = tuple(size - 1 for size in volume.shape)
    point = np.array(image.TransformIndexToPhysicalPoint(last)) * (-1, -1, 1)
    np.testing.assert_allclose(point, volume.grid.world(last), atol=1e-9)
    back = from_sitk(image, quantity="other")
    np.testing.assert_array_equal(back.array, volume.array)
    np.testing.assert_allclose(back.grid.affine, volume.grid.affine, atol=1e-9)


@given(volume=volumes(channels=True, dtypes=NARROW))
@settings(max_examples=30)
def test_channels_go_both_ways(volume: Volume) -> None:
    np.testing.assert_array_equal(
        from_nibabel(to_nibabel(volume), quantity="other").array, volume.array
    )
    np.testing.assert_array_equal(from_sitk(to_sitk(volume), quantity="other").array, volume.array)


def test_a_shear_is_refused_by_simpleitk_and_kept_by_nibabel() -> None:
    affine = np.array([[1, 0, 0.3, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])
    volume = Volume.from_array(np.zeros((3, 3, 3), np.int16), affine=affine)
    with pytest.raises(GeometryError, match="sheared"):
        to_sitk(volume)
    np.testing.assert_array_equal(to_nibabel(volume).affine, affine)


def test_four_axes_and_colours_are_refused() -> None:
    with pytest.raises(GeometryError, match="pass one volume"):
        from_nibabel(nibabel.Nifti1Image(np.zeros((3, 3, 3, 2), np.int16), np.eye(4)))
    with pytest.raises(QuantityError, match="real numbers"):
        from_nibabel(nibabel.Nifti1Image(np.zeros((3, 3, 3), np.complex64), np.eye(4)))
    with pytest.raises(GeometryError, match="axes"):
        from_sitk(SimpleITK.Image(3, 3, SimpleITK.sitkInt16))
    with pytest.raises(QuantityError, match="NaN"):
        from_nibabel(nibabel.Nifti1Image(np.full((3, 3, 3), np.nan, np.float32), np.eye(4)))


def test_a_file_of_nibabel_is_rescaled(real_data: Path) -> None:
    image = nibabel.load(
        real_data / "headphantom_philips_study/dcm2niix_ref/ph_s21570_s2010_201.nii.gz"
    )
    volume = from_nibabel(image)
    assert volume.array.dtype == np.int16
    np.testing.assert_array_equal(volume.array, image.get_fdata())
