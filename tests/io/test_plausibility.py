"""Values that may not be HU are a doubt on every path; labels are refused as an image."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK
from hypothesis import given
from hypothesis import strategies as st

import hounsfield as hu
from hounsfield.dataset.case import CaseSource
from hounsfield.dataset.run_case import run_case
from hounsfield.dataset.run_config import RunConfig
from hounsfield.phantom import Faults, grid_about, head, write_series
from tests.cli.conftest import Line, line, own_key
from tests.io.dicom.scanner import write
from tests.io.made import AFFINE, head_like, nifti
from tests.reported import reported

__all__ = ["line", "own_key"]

KEEP = hu.Pipeline([hu.CropOrPad(shape=(20, 20, 20))])


def labels(path: Path) -> Path:
    """Three balls of labels 1, 5 and 117 in a box of zeros."""
    i, j, k = np.indices((40, 40, 30))
    array = np.zeros((40, 40, 30), dtype=np.uint8)
    for value, place in ((1, 10), (5, 20), (117, 30)):
        array[(i - place) ** 2 + (j - place) ** 2 + (k - 15) ** 2 < 36] = value
    hu.write(hu.Volume.from_array(array, affine=np.eye(4), quantity="label"), path)
    return path


def noise(shape: tuple[int, ...] = (6, 40, 40), dtype: str = "int16") -> np.ndarray:
    """What a wrong decoder gives: every value of the dtype, anywhere."""
    limits = np.iinfo(dtype)
    generator = np.random.default_rng(3)
    return generator.integers(limits.min, limits.max, shape, dtype, endpoint=True)


def doubtful(shape: tuple[int, int, int] = (24, 24, 20)) -> dict[str, np.ndarray]:
    """Images that are not HU, by name."""
    body = head_like(shape)
    display = np.clip((body.astype(np.float64) + 160) / 400 * 255, 0, 255)
    return {
        "display": display.astype(np.uint8),
        "cormack": np.where(body < -500, 0, body + 1024).astype(np.int16),
        "noise": np.asfortranarray(noise(shape)),
        "12 bits of noise": np.asfortranarray(noise(shape) // 16 + 1024),
    }


@pytest.mark.parametrize("suffix", ["nii", "nii.gz", "nrrd"])
def test_labels_are_refused_where_an_image_is_wanted(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(hu.RefusedError, match="look like labels"):
        hu.read(labels(tmp_path / f"x.{suffix}"))
    assert hu.read(tmp_path / f"x.{suffix}", quantity="label").array.max() == 117
    assert hu.read(tmp_path / f"x.{suffix}", assume="hu").quantity == "hu"


def test_real_labels_are_refused_and_real_ct_is_not(real_data: Path) -> None:
    torso = real_data / "torso_nifti_3mm_seg"
    for name in ("example_seg.nii.gz", "example_seg_fast_force_split.nii.gz"):
        with pytest.raises(hu.RefusedError, match="look like labels"):
            hu.read(torso / name)
    assert hu.read(torso / "example_ct_sm.nii.gz").quantity == "hu"


@pytest.mark.parametrize("suffix", ["nii", "nii.gz", "nrrd", "mha"])
def test_a_label_of_few_voxels_is_a_doubt(tmp_path: Path, suffix: str) -> None:
    array = np.zeros((12, 12, 8), np.uint8)
    array[3:9, 3:9, 2:6] = 1
    label = hu.Volume.from_array(array, affine=np.eye(4), quantity="label")
    path = tmp_path / f"x.{suffix}"
    if suffix == "mha":
        SimpleITK.WriteImage(label.to_sitk(), str(path))
    else:
        hu.write(label, path)
    with reported("NOT_HU"):
        volume = hu.read(path)
    assert [each.severity for each in volume.diagnostics] == ["warning"]
    assert hu.inspect(path)[0].verdict == "doubtful"
    assert hu.read(path, quantity="label").diagnostics == ()
    assert hu.read(path, assume="hu").diagnostics == ()


@pytest.mark.parametrize("name", doubtful())
@pytest.mark.parametrize("suffix", ["nii", "nii.gz"])
def test_a_doubt_is_in_every_channel_of_a_file(
    tmp_path: Path, suffix: str, name: str, line: Line
) -> None:
    path = nifti(tmp_path / f"x.{suffix}", doubtful()[name])
    with reported("NOT_HU"):
        volume = hu.read(path)
    assert volume.diagnostics[0].severity == "warning"
    assert KEEP.run(hu.open(path)).diagnostics == KEEP.run(volume).diagnostics == volume.diagnostics
    (report,) = hu.inspect(path)
    assert report.verdict == "doubtful"
    assert report.reasons == volume.diagnostics
    assert line("inspect", path).status == 0
    assert line("inspect", path, "--strict").status == 1
    assert line("inspect", path, "--strict", "--assume", "hu").status == 0
    case = run_case(RunConfig(pipeline=KEEP, out=tmp_path / "o"), CaseSource(id="x", path=path))
    assert [(each["code"], each["severity"]) for each in case.diagnostics] == [
        ("NOT_HU", "warning")
    ]


@given(start=st.integers(-1024, -1000), tissue=st.integers(-50, 80), seed=st.integers(0, 99))
def test_air_and_tissue_are_no_doubt_whatever_the_noise(start: int, tissue: int, seed: int) -> None:
    from hounsfield.io.values.plausibility import check_hu

    body = head_like((20, 20, 20)).astype(np.float64)
    image = np.where(body < -500, start, body + tissue)
    image += np.random.default_rng(seed).normal(0, 60, image.shape)
    assert check_hu(np.rint(image).astype(np.int16)) == ()
    image[0] = -3024
    assert check_hu(np.rint(image).astype(np.int16)) == ()


def test_a_dicom_series_that_decodes_to_noise_is_a_doubt_on_every_path(
    tmp_path: Path, line: Line
) -> None:
    write(tmp_path / "scan", noise())
    with reported("NOT_HU"):
        volume = hu.read(tmp_path / "scan")
    assert volume.diagnostics[-1].severity == "warning"
    for source in (volume, hu.open(tmp_path / "scan")):
        result = KEEP.run(source)
        assert set(volume.diagnostics) <= set(result.diagnostics)
        assert "NOT_HU" in {each["code"] for each in result.record.diagnostics}
    answer = line("convert", tmp_path / "scan", tmp_path / "x.nii")
    assert "warning:" in answer.err
    assert "may not be HU" in answer.err
    case = run_case(
        RunConfig(pipeline=KEEP, out=tmp_path / "o"), CaseSource(id="x", path=tmp_path / "scan")
    )
    assert "NOT_HU" in {each["code"] for each in case.diagnostics}
    assert hu.read(tmp_path / "scan", assume="hu").diagnostics == ()
    assert hu.read(tmp_path / "scan", quantity="other").diagnostics == ()


@pytest.mark.parametrize("padding", ["tag-2000", "untagged-2048", "unsigned-63536"])
def test_padding_is_replaced_before_dicom_values_are_checked(tmp_path: Path, padding: str) -> None:
    phantom = head(grid_about((0, -4, 10), shape=(40, 40, 12), spacing_mm=(6, 6, 12)))
    write_series(phantom, tmp_path / "scan", faults=Faults(padding=padding))  # type: ignore[arg-type]
    for kept in ("air", "keep"):
        found = hu.open(tmp_path / "scan", padding=kept).finished()  # type: ignore[arg-type]
        assert "NOT_HU" not in {each.code for each in found}


@pytest.mark.parametrize("name", doubtful())
def test_images_in_memory_are_checked_as_files_are(tmp_path: Path, name: str) -> None:
    array = doubtful()[name]
    with reported("NOT_HU"):
        expected = hu.read(nifti(tmp_path / "x.nii", array)).diagnostics
    image = nibabel.Nifti1Image(array, AFFINE)
    with reported("NOT_HU"):
        assert hu.from_nibabel(image).diagnostics == expected
    of_sitk = SimpleITK.GetImageFromArray(array.T)
    with reported("NOT_HU"):
        assert hu.from_sitk(of_sitk).diagnostics == expected
    assert hu.from_nibabel(image, assume="hu").diagnostics == ()
    assert hu.from_sitk(of_sitk, quantity="other").diagnostics == ()


def test_labels_in_memory_are_refused_as_files_are(tmp_path: Path) -> None:
    image = nibabel.load(labels(tmp_path / "x.nii"))
    with pytest.raises(hu.RefusedError, match="look like labels"):
        hu.from_nibabel(image)
    with pytest.raises(hu.RefusedError, match="look like labels"):
        hu.from_sitk(SimpleITK.ReadImage(str(tmp_path / "x.nii")))
    marked = nibabel.Nifti1Image(head_like(), AFFINE)
    marked.header.set_intent("label")
    with pytest.raises(hu.RefusedError, match="intent code marks labels"):
        hu.from_nibabel(marked)
    assert hu.from_nibabel(image, quantity="label").array.max() == 117


REAL = [
    "body_lidc0314/dicom_jpegls",
    "body_siemens_j2k_seg/dicom",
    "ct_dicomseg_nrrdseg_dcmqi/ct-3slice",
    "head_ge_tilt_varspacing/dicom",
    "headphantom_philips_study/S2010",
    "leg_rtstruct_sts001/dicom/image",
    "head_ge_tilt_varspacing/dcm2niix_ref/ge_head_2_Tilt_Eq_1.nii.gz",
    "leg_rtstruct_sts001/CT_image.nii.gz",
    "torso_nifti_3mm_seg/example_ct.nii.gz",
    "torso_nifti_3mm_seg/example_ct_DERIVED.nrrd",
    "nrrd/TinyPatientCT.nrrd",
]


@pytest.mark.parametrize("name", REAL)
def test_real_ct_is_no_doubt(real_data: Path, name: str) -> None:
    found = hu.open(real_data / name).finished()
    assert "NOT_HU" not in {each.code for each in found}


@pytest.mark.parametrize("name", ["ct_brain_atlas_1mm.nii.gz", "odd_small/scct.nii"])
def test_real_images_that_are_not_plain_hu_are_a_doubt(real_data: Path, name: str) -> None:
    with reported("NOT_HU"):
        hu.read(real_data / name)
    assert hu.inspect(real_data / name)[0].verdict == "doubtful"
