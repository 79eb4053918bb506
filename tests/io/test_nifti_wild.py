"""NIfTI as it comes: every row of the table of what arrives has its outcome."""

from __future__ import annotations

import gzip
import tracemalloc
from pathlib import Path

import nibabel
import numpy as np
import pytest

from hounsfield.core.errors import (
    GeometryError,
    HounsfieldWarning,
    QuantityError,
    ReadError,
    RefusedError,
)
from hounsfield.io.open import open as open_ct
from hounsfield.io.open import read
from tests.io.made import AFFINE, head_like, nifti
from tests.reported import reported


def codes(path: Path, **policy: str) -> list[str]:
    stack = open_ct(path, **policy)  # type: ignore[arg-type]
    return [diagnostic.code for diagnostic in stack.diagnostics]


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("dtype", ["int16", "int32", "int64", "float32", "float64"])
def test_every_version_order_and_type_is_the_same_volume(
    tmp_path: Path, suffix: str, version: int, order: str, dtype: str
) -> None:
    array = head_like(dtype=dtype)
    volume = read(nifti(tmp_path / f"x{suffix}", array, version=version, order=order))
    assert volume.array.dtype == np.int16
    assert volume.array.dtype.isnative
    assert volume.array.flags.writeable
    np.testing.assert_array_equal(volume.array, array)
    np.testing.assert_allclose(volume.grid.affine, AFFINE, atol=1e-5)


@pytest.mark.parametrize("endings", [(".hdr", ".img"), (".hdr.gz", ".img.gz"), (".HDR", ".IMG")])
@pytest.mark.parametrize("half", [0, 1])
def test_a_pair_is_read_from_either_half(
    tmp_path: Path, endings: tuple[str, str], half: int
) -> None:
    image = nibabel.Nifti1Pair(head_like(), AFFINE)
    image.to_filename(tmp_path / "x.hdr")
    for source, ending in zip((".hdr", ".img"), endings, strict=True):
        data = (tmp_path / f"x{source}").read_bytes()
        (tmp_path / f"y{ending}").write_bytes(
            gzip.compress(data) if ending.endswith(".gz") else data
        )
    np.testing.assert_array_equal(read(tmp_path / f"y{endings[half]}").array, head_like())


@pytest.mark.parametrize("lost", [".hdr", ".img"])
def test_half_a_pair_is_refused(tmp_path: Path, lost: str) -> None:
    nibabel.Nifti1Pair(head_like(), AFFINE).to_filename(tmp_path / "x.hdr")
    (tmp_path / f"x{lost}").unlink()
    with pytest.raises(ReadError, match=r"put both in one folder"):
        read(tmp_path / ("x.img" if lost == ".hdr" else "x.hdr"))


def test_neither_sform_nor_qform_is_refused_unless_assumed(tmp_path: Path) -> None:
    path = nifti(tmp_path / "x.nii", head_like(), sform_code=0, qform_code=0)
    with pytest.raises(RefusedError, match="neither sform nor qform") as caught:
        read(path)
    assert caught.value.codes == ("NO_AFFINE",)
    with reported("ASSUMED_AFFINE"):
        volume = read(path, assume_affine="LAS")
    assert volume.grid.orientation == "LAS"
    np.testing.assert_allclose(volume.grid.spacing_mm, (0.7, 0.7, 2.5), atol=1e-6)
    assert codes(path, assume_affine="LAS") == ["ASSUMED_AFFINE"]


def test_an_assumed_affine_never_replaces_one_that_is_there(tmp_path: Path) -> None:
    assert (
        read(nifti(tmp_path / "x.nii", head_like()), assume_affine="RAS").grid.orientation == "LPS"
    )


@pytest.mark.parametrize(("code", "factor"), [(1, 1000.0), (3, 0.001)])
def test_metres_and_micrometres_are_scaled_and_said(
    tmp_path: Path, code: int, factor: float
) -> None:
    affine = np.diag([*[1 / factor] * 3, 1.0]) @ AFFINE
    path = nifti(tmp_path / "x.nii", head_like(), affine=affine, xyzt_units=code)
    with reported():
        np.testing.assert_allclose(read(path).grid.affine, AFFINE, atol=1e-4)
    assert codes(path) == ["UNITS"]


@pytest.mark.parametrize("slope", [0.0, np.nan])
def test_a_slope_of_zero_or_nan_means_unscaled_and_no_intercept(
    tmp_path: Path, slope: float
) -> None:
    path = nifti(tmp_path / "x.nii", head_like(), scl_slope=slope, scl_inter=500)
    np.testing.assert_array_equal(read(path).array, head_like())


@pytest.mark.parametrize(
    ("slope", "inter", "dtype"), [(1, -1024, np.int16), (2, 0, np.int16), (0.5, 3, np.float32)]
)
def test_slope_and_intercept_are_applied(
    tmp_path: Path, slope: float, inter: float, dtype: type
) -> None:
    stored = np.round((head_like() - inter) / slope).astype(np.int16)
    path = nifti(tmp_path / "x.nii", stored, scl_slope=slope, scl_inter=inter)
    volume = read(path)
    assert volume.array.dtype == dtype
    np.testing.assert_array_equal(volume.array, nibabel.load(path).get_fdata())


def test_a_rescale_beyond_int16_is_never_wrapped(tmp_path: Path) -> None:
    stored = head_like().astype(np.int16)
    stored[0, 0, 0] = 32767
    path = nifti(tmp_path / "x.nii", stored, scl_slope=1, scl_inter=1024)
    volume = read(path, assume="hu")
    assert volume.array[0, 0, 0] == 32767 + 1024
    np.testing.assert_array_equal(volume.array, nibabel.load(path).get_fdata())


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_truncation_anywhere_is_an_error_and_never_zeros(tmp_path: Path, suffix: str) -> None:
    path = nifti(tmp_path / f"x{suffix}", head_like())
    data = path.read_bytes()
    for part in range(32):
        path.write_bytes(data[: len(data) * part // 32])
        with pytest.raises(ReadError):
            read(path)
    path.write_bytes(data[:-1])
    with pytest.raises(ReadError):
        read(path)


def test_a_wrong_crc_is_refused(tmp_path: Path) -> None:
    path = nifti(tmp_path / "x.nii.gz", head_like())
    data = bytearray(path.read_bytes())
    data[-8] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(ReadError, match="corrupt"):
        read(path)


def test_a_gzip_of_several_members_is_read(tmp_path: Path) -> None:
    data = nifti(tmp_path / "x.nii", head_like()).read_bytes()
    path = tmp_path / "y.nii.gz"
    path.write_bytes(gzip.compress(data[:700]) + gzip.compress(data[700:]))
    np.testing.assert_array_equal(read(path).array, head_like())


def test_nan_outside_becomes_air_and_is_said(tmp_path: Path) -> None:
    array = head_like(dtype="float32")
    array[:3] = np.nan
    array[0, 0, 0] = np.inf
    path = nifti(tmp_path / "x.nii", array)
    with reported("NON_FINITE"):
        volume = read(path)
    np.testing.assert_array_equal(volume.array[:3], -1024)
    np.testing.assert_array_equal(volume.array[3:], array[3:])
    assert codes(path) == ["NON_FINITE"]
    with pytest.raises(RefusedError, match="NaN or infinite"):
        read(path, padding="keep")


def test_nan_inside_is_a_hole_that_nobody_may_fill(tmp_path: Path) -> None:
    array = head_like(dtype="float32")
    array[:3] = np.nan
    array[8, 8, 8] = np.nan
    with pytest.raises(RefusedError, match="1 of them inside the image"):
        read(nifti(tmp_path / "x.nii", array))


def test_a_sheared_sform_is_kept(tmp_path: Path) -> None:
    affine = AFFINE.copy()
    affine[1, 2] = 0.8
    path = nifti(
        tmp_path / "x.nii",
        head_like(),
        affine=None,
        sform_code=1,
        srow_x=affine[0],
        srow_y=affine[1],
        srow_z=affine[2],
    )
    np.testing.assert_allclose(read(path).grid.affine, affine, atol=1e-5)


def test_sform_wins_over_qform_and_the_difference_is_said_in_mm(tmp_path: Path) -> None:
    path = nifti(tmp_path / "x.nii", head_like(), qoffset_x=93.0)
    with reported("AFFINES_DIFFER"):
        np.testing.assert_allclose(read(path).grid.affine, AFFINE, atol=1e-5)
    (diagnostic,) = open_ct(path).diagnostics
    assert diagnostic.code == "AFFINES_DIFFER"
    assert "3 mm" in diagnostic.message


def test_a_qform_alone_is_taken(tmp_path: Path) -> None:
    path = nifti(tmp_path / "x.nii", head_like(), sform_code=0)
    np.testing.assert_allclose(read(path).grid.affine, nibabel.load(path).affine, atol=0)


@pytest.mark.parametrize("row", [[0, 0, 0, 0], [np.nan, 0, 0, 0], [np.inf, 0, 0, 0]])
def test_an_sform_that_is_no_affine_is_refused(tmp_path: Path, row: list[float]) -> None:
    path = nifti(tmp_path / "x.nii", head_like(), srow_x=row)
    with pytest.raises(RefusedError, match="sform is not a valid affine"):
        read(path)


def test_a_fourth_axis_of_one_is_squeezed_and_said(tmp_path: Path) -> None:
    path = nifti(tmp_path / "x.nii", head_like()[..., np.newaxis])
    np.testing.assert_array_equal(read(path).array, head_like())
    assert codes(path) == ["SQUEEZED"]


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_of_several_volumes_one_is_chosen_by_its_user(tmp_path: Path, suffix: str) -> None:
    array = np.stack([head_like(), head_like() + 1, head_like() + 2], axis=3)
    path = nifti(tmp_path / f"x{suffix}", array)
    with pytest.raises(RefusedError, match=r"found 3 volumes.*series=0 to series=2"):
        read(path)
    for n in range(3):
        np.testing.assert_array_equal(read(path, series=str(n)).array, array[..., n])
    for wrong in ("3", "-1", "first"):
        with pytest.raises(RefusedError, match="found 3 volumes"):
            read(path, series=wrong)


def test_two_axes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="has 2 dimensions"):
        read(nifti(tmp_path / "x.nii", head_like()[:, :, 0], affine=None, sform_code=1))


@pytest.mark.parametrize("code", [1, 32, 128, 1536, 1792, 2048, 2304])
def test_colours_and_complex_numbers_are_refused(tmp_path: Path, code: int) -> None:
    with pytest.raises(
        RefusedError, match="is not supported; convert the image to one real channel"
    ):
        read(nifti(tmp_path / "x.nii", head_like(), datatype=code))


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "uint32", "uint64"])
def test_integers_of_any_width_come_as_int16(tmp_path: Path, dtype: str) -> None:
    array = np.asfortranarray(np.abs(head_like()) % 127).astype(dtype)
    volume = read(nifti(tmp_path / "x.nii", array), assume="hu")
    assert volume.array.dtype == np.int16
    np.testing.assert_array_equal(volume.array, array)


def test_integers_that_do_not_fit_come_as_float32_or_not_at_all(tmp_path: Path) -> None:
    array = head_like(dtype="int32")
    array[0, 0, 0] = 60_000
    volume = read(nifti(tmp_path / "x.nii", array))
    assert volume.array.dtype == np.float32
    np.testing.assert_array_equal(volume.array, array)
    array[0, 0, 0] = 2**24 + 1
    with pytest.raises(RefusedError, match="cannot be represented exactly in float32"):
        read(nifti(tmp_path / "y.nii", array), quantity="other")


@pytest.mark.parametrize(
    "array", [np.abs(head_like()) % 256, head_like() + 1100, np.maximum(head_like(), 0)]
)
def test_doubt_about_hu_warns(tmp_path: Path, array: np.ndarray) -> None:
    path = nifti(tmp_path / "x.nii", array.astype(np.int16))
    with pytest.warns(HounsfieldWarning, match="may not be HU"):
        read(path)
    assert read(path, assume="hu").quantity == "hu"
    assert read(path, quantity="other").quantity == "other"


def test_what_only_voxels_tell_is_a_diagnostic_of_all_that_is_made_of_a_stack(
    tmp_path: Path,
) -> None:
    stack = open_ct(nifti(tmp_path / "x.nii", head_like() + 1100))
    assert stack.diagnostics == ()
    assert [found.code for found in stack.volume().diagnostics] == ["NOT_HU"]
    assert stack.finished() == stack.volume().diagnostics


@pytest.mark.parametrize(
    ("array", "fields"),
    [
        ((head_like() + 1100.5) / 4000, {}),
        (head_like(dtype="float32") * 1000, {}),
        (head_like(), {"intent_code": 1002}),
        (head_like(), {"intent_code": 3}),
    ],
)
def test_proof_against_hu_refuses(
    tmp_path: Path, array: np.ndarray, fields: dict[str, int]
) -> None:
    with pytest.raises(RefusedError, match="not HU") as caught:
        read(nifti(tmp_path / "x.nii", array.astype(np.float32) if not fields else array, **fields))
    assert caught.value.codes == ("NOT_HU",)


def test_real_hu_are_not_doubted(tmp_path: Path) -> None:
    assert read(nifti(tmp_path / "x.nii", head_like())).quantity == "hu"


@pytest.mark.parametrize("quantity", ["label", "mask"])
@pytest.mark.parametrize(
    "array", [head_like(), head_like(dtype="float32") / 7, np.abs(head_like()) % 251]
)
def test_an_image_where_a_label_is_wanted_is_refused(
    tmp_path: Path, quantity: str, array: np.ndarray
) -> None:
    with pytest.raises(QuantityError, match=r"image|mask"):
        read(nifti(tmp_path / "x.nii", array), quantity=quantity)  # type: ignore[arg-type]


def test_labels_as_floats_are_read_as_integers(tmp_path: Path) -> None:
    labels = (head_like() > 0).astype(np.float32) * 3
    volume = read(nifti(tmp_path / "x.nii", labels), quantity="label")
    assert volume.array.dtype == np.int16
    np.testing.assert_array_equal(volume.array, labels)


def test_a_mask_of_255_is_read_as_one_and_said(tmp_path: Path) -> None:
    path = nifti(tmp_path / "x.nii", (head_like() > 0).astype(np.uint8) * 255)
    with reported("MASK_255"):
        volume = read(path, quantity="mask")
    assert set(np.unique(volume.array)) == {0, 1}


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_a_declared_size_is_checked_before_it_is_allocated(tmp_path: Path, suffix: str) -> None:
    path = nifti(tmp_path / f"x{suffix}", head_like(), dim=[3, 30000, 30000, 3000, 1, 1, 1, 1])
    tracemalloc.start()
    with pytest.raises(ReadError, match="truncated"):
        read(path)
    assert tracemalloc.get_traced_memory()[1] < 8e6
    tracemalloc.stop()


def test_a_gzip_bomb_behind_a_small_header_is_refused(tmp_path: Path) -> None:
    data = nifti(tmp_path / "x.nii", head_like()).read_bytes()
    (tmp_path / "bomb.nii.gz").write_bytes(gzip.compress(data + bytes(64 << 20)))
    tracemalloc.start()
    with pytest.raises(ReadError, match="far more"):
        read(tmp_path / "bomb.nii.gz")
    assert tracemalloc.get_traced_memory()[1] < 8e6
    tracemalloc.stop()


@pytest.mark.parametrize(
    "fields",
    [
        {"dim": [3, -5, 17, 16, 1, 1, 1, 1]},
        {"dim": [9, 1, 1, 1, 1, 1, 1, 1]},
        {"dim": [3, 0, 17, 16, 1, 1, 1, 1]},
        {"vox_offset": np.nan},
        {"vox_offset": -4},
        {"vox_offset": 100},
        {"vox_offset": 3e30},
        {"scl_slope": 1, "scl_inter": np.nan},
        {"sizeof_hdr": 99},
    ],
)
def test_a_header_that_contradicts_itself_is_refused(
    tmp_path: Path, fields: dict[str, object]
) -> None:
    with pytest.raises(ReadError):
        read(nifti(tmp_path / "x.nii", head_like(), **fields))


def test_a_zero_spacing_is_refused(tmp_path: Path) -> None:
    affine = AFFINE.copy()
    affine[2, 2] = 0
    path = nifti(
        tmp_path / "x.nii",
        head_like(),
        affine=None,
        sform_code=1,
        srow_x=affine[0],
        srow_y=affine[1],
        srow_z=affine[2],
    )
    with pytest.raises((RefusedError, GeometryError), match="not a valid affine"):
        read(path)


def test_of_a_plain_nifti_only_the_slab_is_read(tmp_path: Path) -> None:
    values = head_like((256, 256, 64))
    stack = open_ct(nifti(tmp_path / "x.nii", values))
    tracemalloc.start()
    np.testing.assert_array_equal(stack.slab(3, 5), values[:, :, 3:5])
    assert tracemalloc.get_traced_memory()[1] < 8e6
    tracemalloc.stop()


def test_bytes_behind_the_voxels_are_left_and_said(tmp_path: Path) -> None:
    path = nifti(tmp_path / "x.nii", head_like())
    path.write_bytes(path.read_bytes() + b"12345")
    with reported("TRAILING"):
        np.testing.assert_array_equal(read(path).array, head_like())
    assert codes(path) == ["TRAILING"]
