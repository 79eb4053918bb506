"""Enhanced and legacy converted multi-frame CT gives the same as the classic series."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from hounsfield.core.errors import HounsfieldError
from hounsfield.core.policy import ReadPolicy
from hounsfield.core.stack import Stack
from hounsfield.io.dicom.read import open_dicom
from tests.io.dicom.scanner import slice_of, truth

ENHANCED = "1.2.840.10008.5.1.4.1.1.2.1"


def item(**values: object) -> Dataset:
    data = Dataset()
    for name, value in values.items():
        setattr(data, name, value)
    return data


def write_enhanced(
    path: Path, pixels: np.ndarray, *, order: list[int], gap: int = -1, slope: float = 1
) -> None:
    """One object whose frames lie on disk in `order`, each with its own rescale."""
    data = slice_of(pixels[0], position=(0, 0, 0), uid="1.2.3")
    for name in (
        "RescaleSlope",
        "RescaleIntercept",
        "RescaleType",
        "PixelSpacing",
        "SliceThickness",
        "ImageOrientationPatient",
        "ImagePositionPatient",
        "AcquisitionNumber",
    ):
        delattr(data, name)
    data.SOPClassUID = data.file_meta.MediaStorageSOPClassUID = ENHANCED
    data.NumberOfFrames = len(order)
    data.PixelData = pixels[order].tobytes()
    data["PixelData"].VR = "OW"
    data.SharedFunctionalGroupsSequence = Sequence(
        [
            item(
                PixelMeasuresSequence=Sequence(
                    [item(PixelSpacing=[0.5, 0.75], SliceThickness=2.0)]
                ),
                PlaneOrientationSequence=Sequence(
                    [item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])]
                ),
            )
        ]
    )
    data.PerFrameFunctionalGroupsSequence = Sequence(
        [
            item(
                PlanePositionSequence=Sequence([item(ImagePositionPatient=[10, 20, 2.0 * k])]),
                PixelValueTransformationSequence=Sequence(
                    [item(RescaleSlope=slope, RescaleIntercept=-1000 - k, RescaleType="HU")]
                ),
            )
            for k in order
            if k != gap
        ]
    )
    data.save_as(path, enforce_file_format=True)


def hu(stack: Stack) -> np.ndarray:
    return (stack.slab(0, stack.shape[2]) * stack.slopes + stack.intercepts).transpose(2, 1, 0)


def read(path: Path, **more: object) -> Stack:
    return open_dicom(path, policy=ReadPolicy(), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [2, 0, 4, 1, 3]])
def test_frames_in_any_order_lie_where_their_positions_say(
    tmp_path: Path, order: list[int]
) -> None:
    pixels = truth(5)
    write_enhanced(tmp_path / "x", pixels, order=order)
    stack = read(tmp_path / "x")
    assert np.array_equal(hu(stack), pixels - 1000 - np.arange(5)[:, None, None])
    assert stack.grid.spacing_mm == (0.75, 0.5, 2.0)
    assert np.array_equal(stack.slab(3, 4)[:, :, 0].T, pixels[3])


def test_groups_of_another_number_than_the_frames_are_refused(tmp_path: Path) -> None:
    write_enhanced(tmp_path / "x", truth(5), order=[0, 1, 2, 3, 4], gap=3)
    with pytest.raises(HounsfieldError):
        read(tmp_path / "x")


def test_slope_of_zero_in_a_functional_group_is_refused(tmp_path: Path) -> None:
    write_enhanced(tmp_path / "x", truth(3), order=[0, 1, 2], slope=0)
    with pytest.raises(HounsfieldError, match="slope"):
        read(tmp_path / "x")


def test_truncated_multiframe_is_refused(tmp_path: Path) -> None:
    write_enhanced(tmp_path / "x", truth(5), order=[0, 1, 2, 3, 4])
    (tmp_path / "x").write_bytes((tmp_path / "x").read_bytes()[:-50])
    with pytest.raises(HounsfieldError, match="pixel data is truncated"):
        read(tmp_path / "x")


def test_legacy_converted_rle_equals_its_classic_series(real_data: Path) -> None:
    ours = read(real_data / "enhanced_multiframe/DERIVED_legacy_enhanced_siemens20_rle.dcm")
    classic = read(real_data / "body_siemens_j2k_seg/dicom")
    assert np.array_equal(hu(ours), hu(classic))
    assert ours.grid.same_as(classic.grid)


def test_dcmqi_multiframe_equals_its_classic_slices(real_data: Path) -> None:
    folder = real_data / "enhanced_multiframe/dcmqi_23x38x3"
    ours, classic = (
        read(folder / name, quantity="other") for name in ("multiframe/mf.dcm", "image")
    )
    assert np.array_equal(hu(ours), hu(classic))
    assert ours.grid.same_as(classic.grid)


@pytest.mark.parametrize(
    "name",
    ["CT0012.fragmented_no_bot_jpeg_lossless.70.dcm", "CT0012.not_fragmented_bot_jpeg_ls.80.dcm"],
)
def test_frames_in_many_fragments_equal_the_uncompressed_ones(real_data: Path, name: str) -> None:
    folder = real_data / "enhanced_multiframe"
    plain, packed = (
        read(folder / file, quantity="other")
        for file in ("CT0012.explicit_little_endian.dcm", name)
    )
    assert np.array_equal(hu(packed), hu(plain))


def test_perfusion_map_is_not_taken_for_hu(real_data: Path) -> None:
    with pytest.raises(HounsfieldError, match="not HU"):
        read(real_data / "enhanced_multiframe/CT0012.explicit_little_endian.dcm")
