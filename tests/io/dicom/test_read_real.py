"""Real series, read against answers that others made."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk

from hounsfield.core.policy import ReadPolicy
from hounsfield.core.stack import Stack
from hounsfield.io.dicom.read import open_dicom


def hu(stack: Stack, start: int = 0, stop: int | None = None) -> np.ndarray:
    stop = stack.shape[2] if stop is None else stop
    return stack.slab(start, stop) * stack.slopes[start:stop] + stack.intercepts[start:stop]


def canonical(values: np.ndarray, affine: np.ndarray) -> nib.Nifti1Image:
    return nib.as_closest_canonical(nib.Nifti1Image(values.astype(np.float32), affine))


def nifti(path: Path) -> nib.Nifti1Image:
    return nib.as_closest_canonical(nib.load(path))


def test_leg_equals_the_peers_nifti_exactly(real_data: Path) -> None:
    stack = open_dicom(real_data / "leg_rtstruct_sts001/dicom/image", policy=ReadPolicy())
    ours, theirs = (
        canonical(hu(stack), stack.grid.affine),
        nifti(real_data / "leg_rtstruct_sts001/CT_image.nii.gz"),
    )
    assert np.array_equal(ours.get_fdata(), theirs.get_fdata())
    assert np.allclose(ours.affine, theirs.affine, atol=1e-4)


def test_philips_folder_of_many_kinds_holds_one_ct_series(real_data: Path) -> None:
    stack = open_dicom(real_data / "headphantom_philips_study", policy=ReadPolicy())
    theirs = nifti(next((real_data / "headphantom_philips_study/dcm2niix_ref").glob("*.nii.gz")))
    ours = canonical(hu(stack), stack.grid.affine)
    assert np.array_equal(ours.get_fdata(), theirs.get_fdata())
    assert np.allclose(ours.affine, theirs.affine, atol=1e-4)


def test_jpeg_ls_slices_equal_the_untouched_originals(real_data: Path) -> None:
    stack = open_dicom(real_data / "body_lidc0314/dicom_jpegls", policy=ReadPolicy())
    assert stack.shape == (512, 512, 275)
    assert stack.is_regular
    for path in sorted((real_data / "body_lidc0314/dicom_original_10").iterdir()):
        image = sitk.ReadImage(str(path))
        k = int(np.argmin(np.abs(stack.origins_ras_mm[:, 2] - image.GetOrigin()[2])))
        assert np.array_equal(hu(stack, k, k + 1)[:, :, 0].T, sitk.GetArrayFromImage(image)[0])


@pytest.mark.parametrize("k", [0, 9, 19])
def test_jpeg_2000_slices_lie_where_and_are_what_simpleitk_says(real_data: Path, k: int) -> None:
    folder = real_data / "body_siemens_j2k_seg/dicom"
    stack = open_dicom(folder, policy=ReadPolicy())
    names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder))
    image = sitk.ReadImage(names[k])
    assert np.array_equal(hu(stack, k, k + 1)[:, :, 0].T, sitk.GetArrayFromImage(image)[0])
    assert np.allclose(stack.origins_ras_mm[k] * (-1, -1, 1), image.GetOrigin(), atol=1e-4)


def test_lungs_lie_where_their_labels_are(real_data: Path) -> None:
    stack = open_dicom(real_data / "body_siemens_j2k_seg/dicom", policy=ReadPolicy())
    ours = canonical(hu(stack), stack.grid.affine)
    labels = nifti(real_data / "body_siemens_j2k_seg/example_seg_dicom.nii.gz").get_fdata()
    lungs = labels == 20
    assert np.median(ours.get_fdata()[lungs]) == pytest.approx(-682, abs=5)


def test_head_with_tilt_keeps_every_true_position(real_data: Path) -> None:
    stack = open_dicom(real_data / "head_ge_tilt_varspacing/dicom", policy=ReadPolicy())
    gaps, counts = np.unique(np.round(stack.gaps_mm, 2), return_counts=True)
    assert dict(zip(gaps.tolist(), counts.tolist(), strict=True)) == {1.08: 1, 4.0: 13, 7.0: 13}
    assert stack.tilt_deg == pytest.approx(18.5, abs=0.01)
