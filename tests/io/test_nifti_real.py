"""Real NIfTI files against nibabel, which parses them on its own."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest

from hounsfield.core.errors import HounsfieldWarning
from hounsfield.io.open import read
from hounsfield.io.write import write

IMAGES = [
    "torso_nifti_3mm_seg/example_ct.nii.gz",
    "torso_nifti_3mm_seg/example_ct_sm.nii.gz",
    "leg_rtstruct_sts001/CT_image.nii.gz",
    "headphantom_philips_study/dcm2niix_ref/ph_s21570_s2010_201.nii.gz",
]
LABELS = [
    "torso_nifti_3mm_seg/example_seg.nii.gz",
    "leg_rtstruct_sts001/CT_mask.nii.gz",
    "torso_nifti_3mm_seg/example_seg_fast_force_split.nii.gz",
    "body_siemens_j2k_seg/example_seg_dicom.nii.gz",
]


@pytest.mark.parametrize("name", IMAGES)
def test_a_real_nifti_is_what_nibabel_says_and_int16(real_data: Path, name: str) -> None:
    volume = read(real_data / name)
    oracle = nibabel.load(real_data / name)
    assert volume.array.dtype == np.int16
    np.testing.assert_array_equal(volume.array, oracle.get_fdata())
    np.testing.assert_array_equal(volume.grid.affine, oracle.affine)


@pytest.mark.parametrize("name", LABELS)
def test_real_labels_are_what_nibabel_says(real_data: Path, name: str) -> None:
    volume = read(real_data / name, quantity="label")
    oracle = nibabel.load(real_data / name)
    assert volume.array.dtype == np.uint8
    assert volume.quantity == "label"
    np.testing.assert_array_equal(volume.array, np.asarray(oracle.dataobj))


@pytest.mark.parametrize("name", ["ct_brain_atlas_1mm.nii.gz", "odd_small/scct.nii"])
def test_doubtful_hu_warn_and_are_read(real_data: Path, name: str) -> None:
    with pytest.warns(HounsfieldWarning, match="may not be HU: no air"):
        volume = read(real_data / name)
    np.testing.assert_allclose(volume.array, nibabel.load(real_data / name).get_fdata(), atol=2e-4)
    assert read(real_data / name, assume="hu").quantity == "hu"


@pytest.mark.parametrize("name", IMAGES[:1])
def test_what_is_written_nibabel_reads_alike(real_data: Path, tmp_path: Path, name: str) -> None:
    volume = read(real_data / name)
    for suffix in (".nii", ".nii.gz"):
        write(volume, tmp_path / f"x{suffix}")
        oracle = nibabel.load(tmp_path / f"x{suffix}")
        np.testing.assert_array_equal(np.asarray(oracle.dataobj), volume.array)
        np.testing.assert_allclose(oracle.affine, volume.grid.affine, atol=1e-4)
        np.testing.assert_allclose(oracle.get_qform(), volume.grid.affine, atol=1e-4)
        assert (int(oracle.header["sform_code"]), int(oracle.header["qform_code"])) == (1, 1)
