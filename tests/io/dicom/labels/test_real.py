"""Real labels: contours, segmentations and label files of real CT, against other tools."""

from __future__ import annotations

import warnings
from pathlib import Path

import nrrd
import numpy as np
import pydicom
import pytest
import SimpleITK

import hounsfield as hu
from tests.io.dicom.labels.structures import LPS, Line, write_structures

OVERLAPS = {
    "GREEN": ("1", 1),
    "ORANGE": ("2", 2),
    "PURPLE": ("3", 3),
    "LIGHT_BLUE": ("1", 4),
    "DARK_BLUE": ("1", 5),
}


@pytest.fixture(scope="module")
def leg(real_data: Path) -> hu.Stack:
    return hu.open(real_data / "leg_rtstruct_sts001/dicom/image")


@pytest.fixture(scope="module")
def abdomen(real_data: Path) -> hu.Stack:
    return hu.open(real_data / "ct_dicomseg_nrrdseg_dcmqi/ct-3slice")


def dice(one: np.ndarray, other: np.ndarray) -> float:
    return (
        2
        * np.count_nonzero((one > 0) & (other > 0))
        / (np.count_nonzero(one) + np.count_nonzero(other))
    )


def test_contours_give_the_peers_mask_voxel_for_voxel(real_data: Path, leg: hu.Stack) -> None:
    """117,145 voxels are asked for within 1 %, and a Dice over 0.98; both are exact."""
    ((name, mask),) = hu.read_labels(
        real_data / "leg_rtstruct_sts001/dicom/mask/RS.dcm", image=leg
    ).items()
    peers = SimpleITK.ReadImage(str(real_data / "leg_rtstruct_sts001/CT_mask.nii.gz"))
    drawn = SimpleITK.Resample(
        mask.to_sitk(), peers, SimpleITK.Transform(), SimpleITK.sitkNearestNeighbor
    )
    assert name == "GTV_Mass_CT"
    assert (mask.quantity, int(mask.array.sum())) == ("mask", 117_145)
    assert dice(SimpleITK.GetArrayFromImage(drawn), SimpleITK.GetArrayFromImage(peers)) == 1.0


def test_contours_do_not_depend_on_how_the_images_axes_run(real_data: Path, leg: hu.Stack) -> None:
    path = real_data / "leg_rtstruct_sts001/dicom/mask/RS.dcm"
    as_read = hu.read_labels(path, image=leg)["GTV_Mass_CT"]
    for to in ("ASR", "RIP", "IRA"):
        grid = leg.grid.reoriented(to)
        image = hu.Volume.from_array(np.zeros(grid.shape, np.int16), affine=grid.affine)
        turned = hu.read_labels(path, image=image)["GTV_Mass_CT"]
        assert turned.grid == grid
        assert np.array_equal(hu.regrid(turned, leg.grid).array, as_read.array)


def test_contours_between_the_images_slices_are_refused(real_data: Path, leg: hu.Stack) -> None:
    finer = hu.Volume.from_array(
        np.zeros((99, 101, 193), np.int16), affine=leg.grid.resampled(spacing_mm=(2, 2, 1)).affine
    )
    with pytest.raises(hu.RefusedError, match="off the nearest slice") as caught:
        hu.read_labels(real_data / "leg_rtstruct_sts001/dicom/mask/RS.dcm", image=finer)
    assert caught.value.codes == ("BETWEEN_SLICES",)


def test_contours_of_another_patient_are_refused(real_data: Path, abdomen: hu.Stack) -> None:
    with pytest.raises(hu.RefusedError) as caught:
        hu.read_labels(real_data / "leg_rtstruct_sts001/dicom/mask/RS.dcm", image=abdomen)
    assert caught.value.codes == ("OUTSIDE_IMAGE",)


def test_a_segmentation_lies_on_its_slices_whatever_the_order_of_frames(
    real_data: Path, abdomen: hu.Stack
) -> None:
    """Frames ascend, InstanceNumbers descend: the NRRD twin and frame positions are the truth."""
    folder = real_data / "ct_dicomseg_nrrdseg_dcmqi"
    mask = hu.read_labels(folder / "liver.dcm", image=abdomen)["Liver"]
    assert int(mask.array.sum()) == 107_098
    values, header = nrrd.read(str(folder / "liver_seg.nrrd"))
    places = [header["space origin"][2] + n * header["space directions"][2][2] for n in range(3)]
    for n, place in enumerate(places):
        k = int(np.abs(mask.grid.world([(0, 0, k) for k in range(3)])[:, 2] - place).argmin())
        assert np.array_equal(mask.array[:, :, k] > 0, values[:, :, n] > 0)


def test_overlapping_segments_stay_apart(real_data: Path, abdomen: hu.Stack) -> None:
    folder = real_data / "ct_dicomseg_nrrdseg_dcmqi"
    masks = hu.read_labels(folder / "partial_overlaps.dcm", image=abdomen)
    assert list(masks) == list(OVERLAPS)
    for name, (part, value) in OVERLAPS.items():
        values, _ = nrrd.read(str(folder / f"partial_overlaps-{part}.nrrd"))
        assert np.array_equal(masks[name].array > 0, values == value)
    assert (masks["GREEN"].array & masks["ORANGE"].array).any() or (
        masks["PURPLE"].array & masks["ORANGE"].array
    ).any()


def test_only_the_labels_that_are_named_are_read(real_data: Path, abdomen: hu.Stack) -> None:
    path = real_data / "ct_dicomseg_nrrdseg_dcmqi/partial_overlaps.dcm"
    assert list(hu.read_labels(path, image=abdomen, names=["PURPLE"])) == ["PURPLE"]
    with pytest.raises(
        hu.RefusedError, match="label 'liver' not found; expected one of GREEN, ORANGE"
    ):
        hu.read_labels(path, image=abdomen, names=["liver"])


@pytest.mark.parametrize("image", ["image", "multiframe"])
def test_one_segmentation_fits_the_classic_and_the_enhanced_series(
    real_data: Path, image: str
) -> None:
    folder = real_data / "enhanced_multiframe/dcmqi_23x38x3"
    stack = hu.open(folder / image, assume="hu")
    mask = hu.read_labels(folder / "seg/label.seg", image=stack)["Liver"]
    twin = hu.read_labels(folder / "nrrd/label.nrrd", image=stack)["label"]
    assert mask.array.any()
    assert np.array_equal(mask.array > 0, twin.array > 0)


def test_lungs_lie_on_lungs(real_data: Path) -> None:
    """The label file's rows run the other way: unturned, the lungs' median would be +38 HU."""
    folder = real_data / "body_siemens_j2k_seg"
    stack = hu.open(folder / "dicom")
    with pytest.warns(hu.HounsfieldWarning, match="its voxels were copied"):
        label = hu.read_labels(folder / "example_seg_dicom.nii.gz", image=stack)[
            "example_seg_dicom"
        ]
    lungs = label.array == 20
    assert np.median(stack.volume().array[lungs]) == pytest.approx(-682, abs=1)


def test_no_name_from_a_header_that_may_be_a_persons_is_shown(
    real_data: Path, leg: hu.Stack, tmp_path: Path
) -> None:
    data = pydicom.dcmread(real_data / "leg_rtstruct_sts001/dicom/mask/RS.dcm")
    data.StructureSetROISequence[0].ROIName = "DOE^JANE 1970"
    data.save_as(tmp_path / "rs.dcm")
    assert list(hu.read_labels(tmp_path / "rs.dcm", image=leg)) == ["roi-1"]


def test_an_image_is_no_label(real_data: Path, abdomen: hu.Stack) -> None:
    with pytest.raises(hu.ReadError, match="DICOM without labels; expected RTSTRUCT or SEG"):
        hu.read_labels(real_data / "ct_dicomseg_nrrdseg_dcmqi/ct-3slice/01.dcm", image=abdomen)


def test_a_truncated_segmentation_is_an_error(
    real_data: Path, abdomen: hu.Stack, tmp_path: Path
) -> None:
    whole = (real_data / "ct_dicomseg_nrrdseg_dcmqi/liver.dcm").read_bytes()
    for share in range(1, 33):
        (tmp_path / "cut.dcm").write_bytes(whole[: len(whole) * share // 33])
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(hu.HounsfieldError):
                hu.read_labels(tmp_path / "cut.dcm", image=abdomen)


def test_contours_on_a_doubly_oblique_series_of_oblong_pixels(
    real_data: Path, tmp_path: Path
) -> None:
    """Contours through pixel borders, moved to patient coordinates by the files' own vectors."""
    files = sorted((real_data / "odd_small/oblique_rtutils").iterdir())
    stack = hu.open(real_data / "odd_small/oblique_rtutils", assume="hu")
    lines, expected = [], np.zeros(stack.shape, bool)
    for n, file in enumerate(files):
        data = pydicom.dcmread(file)
        turn = np.array(data.ImageOrientationPatient, float).reshape(2, 3)
        corners = np.array([(10.5, 5.5), (40.5 + n, 5.5), (40.5 + n, 30.5), (10.5, 30.5)])
        points = (
            np.array(data.ImagePositionPatient, float)
            + np.outer(corners[:, 0] * data.PixelSpacing[1], turn[0])
            + np.outer(corners[:, 1] * data.PixelSpacing[0], turn[1])
        )
        lines.append(Line(points * LPS, instance=str(data.SOPInstanceUID)))
        place = stack.grid.index(np.array(data.ImagePositionPatient, float) * LPS)
        expected[11 : 41 + n, 6:31, round(float(place[2]))] = True
    path = write_structures(tmp_path / "rs.dcm", [("box", lines)])
    assert np.array_equal(hu.read_labels(path, image=stack)["box"].array > 0, expected)
