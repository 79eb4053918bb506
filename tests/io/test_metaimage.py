"""MetaImage against SimpleITK, whose format it is; guarded where it is not."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from hounsfield.core.errors import GeometryError, ReadError, RefusedError
from hounsfield.io.open import read
from tests.io.made import AFFINE, head_like, meta_header


def made(path: Path, array: np.ndarray, **fields: str) -> Path:
    path.write_bytes(meta_header(array, **fields).encode() + array.tobytes(order="F"))
    return path


@pytest.mark.parametrize("suffix", [".mha", ".mhd"])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("dtype", ["int16", "int32", "float32", "float64"])
def test_what_simpleitk_writes_is_read_alike(
    tmp_path: Path, suffix: str, packed: bool, dtype: str
) -> None:
    image = SimpleITK.GetImageFromArray(head_like(dtype=dtype).T)
    image.SetSpacing((0.7, 0.8, 2.5))
    image.SetOrigin((-90, 20, 7))
    image.SetDirection((0.8, -0.6, 0, 0.6, 0.8, 0, 0, 0, 1))
    SimpleITK.WriteImage(image, str(tmp_path / f"x{suffix}"), useCompression=packed)
    volume = read(tmp_path / f"x{suffix}")
    assert volume.array.dtype == np.int16
    np.testing.assert_array_equal(volume.array, head_like())
    for index in ((0, 0, 0), (3, 5, 7)):
        point = np.array(image.TransformIndexToPhysicalPoint(index)) * (-1, -1, 1)
        np.testing.assert_allclose(point, volume.grid.world(index), atol=1e-9)


def test_components_are_channels(tmp_path: Path) -> None:
    array = np.stack([head_like(), head_like() + 1], axis=3)
    image = SimpleITK.GetImageFromArray(array.transpose(2, 1, 0, 3), isVector=True)
    SimpleITK.WriteImage(image, str(tmp_path / "x.mha"))
    np.testing.assert_array_equal(read(tmp_path / "x.mha", quantity="other").array, array)


@pytest.mark.parametrize("fields", [{}, {"BinaryDataByteOrderMSB": "True"}])
def test_made_by_hand_it_is_read(tmp_path: Path, fields: dict[str, str]) -> None:
    stored = head_like().byteswap() if fields else head_like()
    volume = read(made(tmp_path / "x.mha", stored, **fields))
    np.testing.assert_array_equal(volume.array, head_like())
    np.testing.assert_allclose(volume.grid.affine, AFFINE, atol=1e-12)


@pytest.mark.parametrize("named", ["s%02d.raw 0 15 1", "LIST"])
def test_slices_in_files_are_read_in_order(tmp_path: Path, named: str) -> None:
    names = [f"s{k:02d}.raw" for k in range(16)]
    for k, name in enumerate(names):
        (tmp_path / name).write_bytes(head_like()[:, :, k].tobytes(order="F"))
    text = meta_header(head_like(), ElementDataFile=named) + (
        "\n".join(names) + "\n" if named == "LIST" else ""
    )
    (tmp_path / "x.mhd").write_text(text)
    np.testing.assert_array_equal(read(tmp_path / "x.mhd").array, head_like())


@pytest.mark.parametrize("name", ["../secret.raw", "/etc/passwd", "link.raw"])
def test_no_file_outside_of_the_folder_is_read(tmp_path: Path, name: str) -> None:
    (tmp_path / "inside").mkdir()
    (tmp_path / "secret.raw").write_bytes(head_like().tobytes(order="F"))
    (tmp_path / "inside" / "link.raw").symlink_to(tmp_path / "secret.raw")
    (tmp_path / "inside" / "x.mhd").write_text(meta_header(head_like(), ElementDataFile=name))
    with pytest.raises(RefusedError, match="outside the folder of its header"):
        read(tmp_path / "inside" / "x.mhd")


@pytest.mark.parametrize(
    "fields",
    [
        {"DimSize": "18 17"},
        {"DimSize": "18 17 0"},
        {"DimSize": "x"},
        {"NDims": "2"},
        {"ElementType": "MET_STRING"},
        {"BinaryData": "False"},
        {"TransformMatrix": "1 0 0 1"},
        {"Offset": "nan 0 0"},
        {"ElementSpacing": "0 1 1"},
        {"ElementDataFile": ""},
        {"HeaderSize": "-3"},
        {"ElementNumberOfChannels": "0"},
        {"DimSize": "30000 30000 30000"},
        {"ElementToIntensityFunctionSlope": "2"},
        {"Offset": ""},
        {"TransformMatrix": ""},
        {"CompressedData": "True"},
    ],
)
def test_a_header_that_cannot_be_is_refused(tmp_path: Path, fields: dict[str, str]) -> None:
    with pytest.raises((ReadError, RefusedError, GeometryError)):
        read(made(tmp_path / "x.mha", head_like(), **fields))


@pytest.mark.parametrize("packed", [False, True])
def test_truncation_anywhere_is_an_error_and_never_zeros(tmp_path: Path, packed: bool) -> None:
    voxels = head_like().tobytes(order="F")
    header = meta_header(head_like(), CompressedData=str(packed)).encode()
    data = header + (zlib.compress(voxels) if packed else voxels)
    for stop in [*(len(data) * part // 32 for part in range(32)), len(data) - 1]:
        (tmp_path / "x.mha").write_bytes(data[:stop])
        with pytest.raises((ReadError, RefusedError)):
            read(tmp_path / "x.mha")


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    data = zlib.compress(head_like().tobytes(order="F") + bytes(64 << 20))
    (tmp_path / "x.mha").write_bytes(
        meta_header(head_like(), CompressedData="True").encode() + data
    )
    with pytest.raises(ReadError, match="far more"):
        read(tmp_path / "x.mha")


def test_a_file_longer_than_declared_is_refused_for_it_may_be_shifted(tmp_path: Path) -> None:
    made(tmp_path / "x.mha", head_like())
    (tmp_path / "x.mha").write_bytes((tmp_path / "x.mha").read_bytes() + b"1234")
    with pytest.raises(ReadError, match="4 bytes longer"):
        read(tmp_path / "x.mha")
    (tmp_path / "x.raw").write_bytes(b"1234" + head_like().tobytes(order="F"))
    (tmp_path / "y.mhd").write_text(
        meta_header(head_like(), HeaderSize="-1", ElementDataFile="x.raw")
    )
    np.testing.assert_array_equal(read(tmp_path / "y.mhd").array, head_like())
