"""What is written is read back: the same values, the same place, by our reader and by others'."""

from __future__ import annotations

from pathlib import Path

import nibabel
import nrrd
import numpy as np
import pytest
import SimpleITK
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hounsfield.core.volume import Volume
from hounsfield.io.open import read
from hounsfield.io.write import write
from tests.io.volumes import affines, volumes

SAME_FOLDER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
FEW = settings(SAME_FOLDER, max_examples=10)
"""A folder of pictures is flushed to disk picture by picture, which takes its time."""

AFFINE_TOLERANCE = {".nii": 1e-4, ".nii.gz": 1e-4, ".nrrd": 1e-10, ".npy": 0.0}


@pytest.mark.parametrize("suffix", AFFINE_TOLERANCE)
@given(volume=volumes(dtypes=["int16", "uint8", "int8", "uint16", "float32"]))
@SAME_FOLDER
def test_a_round_trip_changes_no_voxel_and_no_place(
    tmp_path: Path, suffix: str, volume: Volume
) -> None:
    path = tmp_path / f"volume{suffix}"
    write(volume, path)
    back = read(path, quantity="other")
    assert back.diagnostics == ()
    assert back.array.dtype == volume.array.dtype
    np.testing.assert_array_equal(back.array, volume.array)
    np.testing.assert_allclose(
        back.grid.corners_mm, volume.grid.corners_mm, rtol=0, atol=2 * AFFINE_TOLERANCE[suffix]
    )


@pytest.mark.parametrize("suffix", AFFINE_TOLERANCE)
@given(volume=volumes(channels=True, dtypes=["int16", "uint8", "float32"]))
@SAME_FOLDER
def test_channels_come_back_as_channels(tmp_path: Path, suffix: str, volume: Volume) -> None:
    path = tmp_path / f"channels{suffix}"
    write(volume, path)
    back = read(path, quantity="other")
    assert back.array.dtype == volume.array.dtype
    assert back.spec.channels == volume.spec.channels
    np.testing.assert_array_equal(back.array, volume.array)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd"])
@given(volume=volumes())
@SAME_FOLDER
def test_simpleitk_reads_what_is_written(tmp_path: Path, suffix: str, volume: Volume) -> None:
    folder = tmp_path / suffix[1:]
    folder.mkdir(exist_ok=True)
    path = folder / f"volume{suffix}"
    write(volume, path)
    image = SimpleITK.ReadImage(str(path))
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(image).T, volume.array)
    for corner in ((0, 0, 0), tuple(size - 1 for size in volume.shape)):
        point = np.array(
            image.TransformContinuousIndexToPhysicalPoint([float(n) for n in corner])
        ) * (-1, -1, 1)
        np.testing.assert_allclose(point, volume.grid.world(corner), atol=2e-3)


@given(volume=volumes())
@SAME_FOLDER
def test_nibabel_reads_what_is_written(tmp_path: Path, volume: Volume) -> None:
    write(volume, tmp_path / "volume.nii.gz")
    image = nibabel.load(tmp_path / "volume.nii.gz")
    np.testing.assert_array_equal(np.asarray(image.dataobj), volume.array)
    np.testing.assert_allclose(image.affine, volume.grid.affine, atol=1e-4)
    np.testing.assert_allclose(image.get_qform(), volume.grid.affine, atol=2e-3)


@given(volume=volumes(channels=True, dtypes=["int16"]))
@SAME_FOLDER
def test_pynrrd_reads_what_is_written(tmp_path: Path, volume: Volume) -> None:
    write(volume, tmp_path / "volume.nrrd")
    data, header = nrrd.read(str(tmp_path / "volume.nrrd"))
    np.testing.assert_array_equal(data, volume.array)
    np.testing.assert_array_equal(
        header["space directions"][:3].T * [[-1], [-1], [1]], volume.grid.affine[:3, :3]
    )


@given(affine=affines(sheared=True))
@SAME_FOLDER
def test_a_sheared_grid_survives_and_has_no_qform(tmp_path: Path, affine: np.ndarray) -> None:
    volume = Volume.from_array(np.zeros((3, 4, 5), np.int16), affine=affine, quantity="other")
    for suffix in AFFINE_TOLERANCE:
        write(volume, tmp_path / f"sheared{suffix}")
        back = read(tmp_path / f"sheared{suffix}", quantity="other")
        np.testing.assert_allclose(back.grid.affine, affine, atol=1e-4)
    header = nibabel.load(tmp_path / "sheared.nii").header
    assert (int(header["sform_code"]), int(header["qform_code"])) == (1, 0)


@given(values=st.lists(st.integers(-1024, 64511), min_size=12, max_size=12))
@FEW
def test_whole_hu_come_back_exactly_from_16_bit_pngs(tmp_path: Path, values: list[int]) -> None:
    array = np.array(values, np.float32).reshape((2, 3, 2), order="F")
    volume = Volume.from_array(array, affine=np.diag([-0.5, -0.5, 2, 1]))
    write(volume, tmp_path / "slices", format="png")
    back = read(tmp_path / "slices")
    np.testing.assert_array_equal(back.array, array)
    assert back.grid == volume.grid


@given(volume=volumes(dtypes=["float32"], quantity="hu"))
@FEW
def test_other_hu_come_back_within_half_a_slope_from_16_bit_pngs(
    tmp_path: Path, volume: Volume
) -> None:
    write(volume, tmp_path / "slices", format="png")
    back = read(tmp_path / "slices")
    assert np.abs(back.array - volume.array).max() <= 1 / 16
    np.testing.assert_allclose(back.grid.affine, volume.grid.affine, rtol=0, atol=0)


@given(volume=volumes(dtypes=["uint8", "int16", "uint16"], quantity="other"))
@SAME_FOLDER
def test_integers_come_back_from_16_bit_pngs_in_their_dtype(tmp_path: Path, volume: Volume) -> None:
    write(volume, tmp_path / "slices", format="png")
    back = read(tmp_path / "slices", quantity="other")
    assert back.array.dtype == volume.array.dtype
    np.testing.assert_array_equal(back.array, volume.array)


@given(volume=volumes(dtypes=["uint8"], quantity="display", channels=True))
@FEW
def test_channels_come_back_from_8_bit_pngs(tmp_path: Path, volume: Volume) -> None:
    write(volume, tmp_path / "slices", format="png8")
    back = read(tmp_path / "slices", quantity="display")
    np.testing.assert_array_equal(back.array, volume.array)


def test_the_same_volume_gives_the_same_bytes(tmp_path: Path) -> None:
    volume = Volume.from_array(
        np.arange(24, dtype=np.int16).reshape(2, 3, 4), affine=np.eye(4), quantity="other"
    )
    for suffix in (".nii.gz", ".nrrd", ".npy"):
        for name in ("one", "another"):
            (tmp_path / name).mkdir(exist_ok=True)
            write(volume, tmp_path / name / f"{name}{suffix}")
        assert (tmp_path / f"one/one{suffix}").read_bytes() == (
            tmp_path / f"another/another{suffix}"
        ).read_bytes()


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd", ".npy"])
def test_booleans_are_written_as_masks(tmp_path: Path, suffix: str) -> None:
    array = np.zeros((3, 3, 3), bool)
    array[1] = True
    write(Volume.from_array(array, affine=np.eye(4), quantity="mask"), tmp_path / f"mask{suffix}")
    np.testing.assert_array_equal(
        read(tmp_path / f"mask{suffix}", quantity="mask").array.astype(bool), array
    )
