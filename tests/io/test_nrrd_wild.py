"""NRRD: every encoding, space and data file naming; no file outside of the header's folder."""

from __future__ import annotations

import bz2
import gzip
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from hounsfield.core.errors import GeometryError, ReadError, RefusedError
from hounsfield.io.open import open as open_ct
from hounsfield.io.open import read
from tests.io.made import AFFINE, head_like, nrrd_header
from tests.reported import reported

PACK = {
    "raw": bytes,
    "gzip": gzip.compress,
    "gz": gzip.compress,
    "bzip2": bz2.compress,
    "bz2": bz2.compress,
}


def attached(path: Path, array: np.ndarray, *, encoding: str = "raw", **fields: str) -> Path:
    data = PACK.get(encoding, bytes)(array.tobytes(order="F"))
    path.write_bytes(nrrd_header(array, encoding=encoding, **fields).encode() + b"\n" + data)
    return path


def detached(path: Path, array: np.ndarray, named: str, **fields: str) -> Path:
    path.write_text(nrrd_header(array, **fields) + f"data file: {named}\n")
    return path


@pytest.mark.parametrize("encoding", PACK)
def test_every_encoding_is_the_same_volume(tmp_path: Path, encoding: str) -> None:
    volume = read(attached(tmp_path / "x.nrrd", head_like(), encoding=encoding))
    assert volume.array.dtype == np.int16
    np.testing.assert_array_equal(volume.array, head_like())
    np.testing.assert_allclose(volume.grid.affine, AFFINE, atol=1e-12)


@pytest.mark.parametrize("encoding", ["raw", "gzip", "bzip2"])
@pytest.mark.parametrize("name", ["x.raw", "./x.raw", "sub/x.raw"])
def test_detached_data_are_read(tmp_path: Path, encoding: str, name: str) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / name).write_bytes(PACK[encoding](head_like().tobytes(order="F")))
    volume = read(detached(tmp_path / "x.nhdr", head_like(), name, encoding=encoding))
    np.testing.assert_array_equal(volume.array, head_like())


@pytest.mark.parametrize("named", ["s%03d.raw 1 16 1", "s%03d.raw 1 16 1 2", "LIST", "LIST 2"])
@pytest.mark.parametrize("encoding", ["raw", "gzip"])
def test_lists_and_patterns_of_files_are_read_in_order(
    tmp_path: Path, named: str, encoding: str
) -> None:
    array = head_like()
    names = [f"s{n:03d}.raw" for n in range(1, 17)]
    for k, name in enumerate(names):
        (tmp_path / name).write_bytes(PACK[encoding](array[:, :, k].tobytes(order="F")))
    listed = "\n" + "\n".join(names) if named.startswith("LIST") else ""
    path = detached(tmp_path / "x.nhdr", array, named + listed, encoding=encoding)
    np.testing.assert_array_equal(read(path).array, array)


def test_a_pattern_may_count_down(tmp_path: Path) -> None:
    array = head_like()
    for k in range(16):
        (tmp_path / f"s{k}.raw").write_bytes(array[:, :, 15 - k].tobytes(order="F"))
    path = detached(tmp_path / "x.nhdr", array, "s%d.raw 15 0 -1")
    np.testing.assert_array_equal(read(path).array, array)


@pytest.mark.parametrize(
    ("space", "signs"),
    [
        ("left-posterior-superior", (-1, -1, 1)),
        ("LPS", (-1, -1, 1)),
        ("right-anterior-superior", (1, 1, 1)),
        ("RAS", (1, 1, 1)),
        ("left-anterior-superior", (-1, 1, 1)),
        ("LAS", (-1, 1, 1)),
    ],
)
def test_every_space_becomes_ras(tmp_path: Path, space: str, signs: tuple[int, int, int]) -> None:
    path = attached(tmp_path / "x.nrrd", head_like(), space=space)
    expected = np.diag([*signs, 1]) @ np.diag([-1, -1, 1, 1]) @ AFFINE
    np.testing.assert_allclose(read(path).grid.affine, expected, atol=1e-12)


@pytest.mark.parametrize("order", ["little", "big"])
def test_both_byte_orders_are_read(tmp_path: Path, order: str) -> None:
    array = head_like()
    path = tmp_path / "x.nrrd"
    data = array.astype(">i2" if order == "big" else "<i2").tobytes(order="F")
    path.write_bytes(nrrd_header(array, endian=order).encode() + b"\n" + data)
    np.testing.assert_array_equal(read(path).array, array)


@pytest.mark.parametrize(
    "fields", [{"space_directions": ""}, {"space": "scanner-xyz"}, {"space_origin": ""}]
)
def test_without_a_place_it_is_refused_unless_assumed(
    tmp_path: Path, fields: dict[str, str]
) -> None:
    spacings = {} if "space_directions" not in fields else {"spacings": "0.7 0.7 2.5"}
    path = attached(tmp_path / "x.nrrd", head_like(), **fields, **spacings)
    with pytest.raises(RefusedError) as caught:
        read(path)
    assert caught.value.codes == ("NO_AFFINE",)
    with reported("ASSUMED_AFFINE"):
        volume = read(path, assume_affine="LPS")
    np.testing.assert_allclose(volume.grid.spacing_mm, (0.7, 0.7, 2.5))
    assert [diagnostic.code for diagnostic in open_ct(path, assume_affine="LPS").diagnostics] == [
        "ASSUMED_AFFINE"
    ]


def test_other_units_are_scaled_and_said(tmp_path: Path) -> None:
    path = attached(
        tmp_path / "x.nrrd",
        head_like(),
        space_directions="(700,0,0) (0,700,0) (0,0,2500)",
        space_origin="(-90000,-110000,-40000)",
        space_units='"um" "um" "um"',
    )
    with reported():
        np.testing.assert_allclose(read(path).grid.affine, AFFINE, atol=1e-9)
    assert [diagnostic.code for diagnostic in open_ct(path).diagnostics] == ["UNITS"]
    with pytest.raises(RefusedError, match="units"):
        read(attached(tmp_path / "y.nrrd", head_like(), space_units='"furlong" "mm" "mm"'))


def test_of_several_volumes_one_is_chosen(tmp_path: Path) -> None:
    array = np.asfortranarray(np.stack([head_like(), head_like() + 1]))
    path = attached(
        tmp_path / "x.nrrd",
        array,
        kinds="list domain domain domain",
        space_directions="none (0.7,0,0) (0,0.7,0) (0,0,2.5)",
    )
    with pytest.raises(RefusedError, match="found 2 volumes"):
        read(path)
    np.testing.assert_array_equal(read(path, series="1").array, array[1])


def test_a_vector_axis_is_channels_wherever_it_stands(tmp_path: Path) -> None:
    array = np.asfortranarray(np.stack([head_like(), head_like() + 1]))
    path = attached(
        tmp_path / "x.nrrd",
        array,
        kinds="vector domain domain domain",
        space_directions="none (0.7,0,0) (0,0.7,0) (0,0,2.5)",
    )
    np.testing.assert_array_equal(read(path, quantity="other").array, np.moveaxis(array, 0, 3))


@pytest.mark.parametrize(
    "name",
    ["../secret.raw", "/etc/passwd", "sub/../../secret.raw", "link.raw", "linked/secret.raw"],
)
@pytest.mark.parametrize("named", ["{}", "LIST\n{}", "{}%d 1 1 1"])
def test_no_file_outside_of_the_folder_is_read(tmp_path: Path, name: str, named: str) -> None:
    folder = tmp_path / "inside"
    (folder / "sub").mkdir(parents=True)
    for secret in ("secret.raw", "secret.raw1"):
        (tmp_path / secret).write_bytes(head_like().tobytes(order="F"))
    (folder / "link.raw").symlink_to(tmp_path / "secret.raw")
    (folder / "link.raw1").symlink_to(tmp_path / "secret.raw1")
    (folder / "linked").symlink_to(tmp_path)
    with pytest.raises((RefusedError, ReadError)) as caught:
        read(detached(folder / "x.nhdr", head_like(), named.format(name)))
    assert isinstance(caught.value, RefusedError), (
        "it must be refused for its place, not for its content"
    )
    assert caught.value.codes == ("OUTSIDE_FOLDER",)


@pytest.mark.parametrize(
    "named",
    [
        "absent.raw",
        "s%d%d.raw 1 16 1",
        "s%s.raw 1 16 1",
        "s%d.raw 1 999999999 1",
        "s%d.raw 1 16 0",
        "x\0y.raw",
        "LIST",
        "LIST\n../a\n../b\n../c",
    ],
)
def test_impossible_data_files_are_refused(tmp_path: Path, named: str) -> None:
    with pytest.raises((ReadError, RefusedError)):
        read(detached(tmp_path / "x.nhdr", head_like(), named))


def test_skips_are_followed(tmp_path: Path) -> None:
    data = head_like().tobytes(order="F")
    (tmp_path / "x.raw").write_bytes(b"a line\nanother\n12345" + data)
    path = detached(tmp_path / "x.nhdr", head_like(), "x.raw", line_skip="2", byte_skip="5")
    np.testing.assert_array_equal(read(path).array, head_like())
    path = detached(tmp_path / "y.nhdr", head_like(), "x.raw", byte_skip="-1")
    np.testing.assert_array_equal(read(path).array, head_like())
    (tmp_path / "z.raw").write_bytes(gzip.compress(b"12345" + data))
    path = detached(tmp_path / "z.nhdr", head_like(), "z.raw", byte_skip="5", encoding="gzip")
    np.testing.assert_array_equal(read(path).array, head_like())


@pytest.mark.parametrize("encoding", ["raw", "gzip", "bzip2"])
def test_truncation_anywhere_is_an_error_and_never_zeros(tmp_path: Path, encoding: str) -> None:
    path = attached(tmp_path / "x.nrrd", head_like(), encoding=encoding)
    data = path.read_bytes()
    for part in range(32):
        path.write_bytes(data[: len(data) * part // 32])
        with pytest.raises((ReadError, RefusedError)):
            read(path)
    path.write_bytes(data[:-1])
    with pytest.raises(ReadError):
        read(path)


@pytest.mark.parametrize("encoding", ["gzip", "bzip2"])
def test_a_bomb_is_refused(tmp_path: Path, encoding: str) -> None:
    data = PACK[encoding](head_like().tobytes(order="F") + bytes(64 << 20))
    (tmp_path / "x.nrrd").write_bytes(
        nrrd_header(head_like(), encoding=encoding).encode() + b"\n" + data
    )
    tracemalloc.start()
    with pytest.raises(ReadError, match="far more"):
        read(tmp_path / "x.nrrd")
    assert tracemalloc.get_traced_memory()[1] < 12e6
    tracemalloc.stop()


@pytest.mark.parametrize("encoding", ["raw", "gzip", "bzip2"])
def test_a_declared_size_is_checked_before_it_is_allocated(tmp_path: Path, encoding: str) -> None:
    path = attached(tmp_path / "x.nrrd", head_like(), encoding=encoding, sizes="30000 30000 30000")
    with pytest.raises(ReadError, match="truncated"):
        read(path)


@pytest.mark.parametrize(
    "fields",
    [
        {"sizes": "18 17"},
        {"sizes": "18 17 -16"},
        {"sizes": "a b c"},
        {"dimension": "4"},
        {"type": ""},
        {"endian": ""},
        {"type": "block"},
        {"encoding": "hex"},
        {"encoding": "ascii"},
        {"space_directions": "(nan,0,0) (0,1,0) (0,0,1)"},
        {"space_directions": "(0,0,0) (0,1,0) (0,0,1)"},
        {"space_directions": "(1,0) (0,1) (0,0)"},
        {"space_origin": "(inf,0,0)"},
        {"line_skip": "-7"},
        {"byte_skip": "x"},
        {"kinds": "RGB-color domain domain"},
    ],
)
def test_a_header_that_cannot_be_is_refused(tmp_path: Path, fields: dict[str, str]) -> None:
    with pytest.raises((ReadError, RefusedError, GeometryError)):
        read(attached(tmp_path / "x.nrrd", head_like(), **fields))


def test_simpleitk_agrees_on_an_oblique_nrrd(tmp_path: Path) -> None:
    path = attached(
        tmp_path / "x.nrrd", head_like(), space_directions="(0.6,0.2,0) (-0.2,0.6,0) (0,0,2.5)"
    )
    image = SimpleITK.ReadImage(str(path))
    volume = read(path)
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(image).T, volume.array)
    point = np.array(image.TransformIndexToPhysicalPoint((3, 5, 7))) * (-1, -1, 1)
    np.testing.assert_allclose(point, volume.grid.world((3, 5, 7)), atol=1e-9)


def test_the_real_nrrd_twin_is_the_same_volume_as_the_nifti(real_data: Path) -> None:
    folder = real_data / "torso_nifti_3mm_seg"
    nifti, nrrd = read(folder / "example_ct.nii.gz"), read(folder / "example_ct_DERIVED.nrrd")
    assert nifti.array.dtype == nrrd.array.dtype == np.int16
    np.testing.assert_array_equal(nifti.array, nrrd.array)
    assert nifti.grid.same_as(nrrd.grid, tolerance_voxels=1e-5)


def test_the_real_tiny_nrrd_is_what_simpleitk_says(real_data: Path) -> None:
    path = real_data / "nrrd" / "TinyPatientCT.nrrd"
    volume, image = read(path), SimpleITK.ReadImage(str(path))
    assert volume.array.dtype == np.int16
    np.testing.assert_array_equal(volume.array, SimpleITK.GetArrayFromImage(image).T)
