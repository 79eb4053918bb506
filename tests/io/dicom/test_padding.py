"""Padding: found however it is declared, one rule per stack, never mixed with measured values."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset

from hounsfield.core.policy import ReadPolicy
from hounsfield.core.stack import Stack
from hounsfield.io.dicom.read import open_dicom
from tests.io.dicom.scanner import COLUMNS, ROWS, Change, truth, write

CORNERS = np.zeros((ROWS, COLUMNS), bool)
CORNERS[[0, 0, -1, -1], [0, -1, 0, -1]] = True


def padded(stack: Stack) -> np.ndarray:
    """Which voxels the stack calls padding, (k, row, column)."""
    values = stack.slab(0, stack.shape[2]).transpose(2, 1, 0)
    if stack.padding is None:
        return np.zeros(values.shape, bool)
    return (values >= stack.padding[0]) & (values <= stack.padding[1])


def hu(stack: Stack) -> np.ndarray:
    values = stack.slab(0, stack.shape[2]) * stack.slopes + stack.intercepts
    return values.transpose(2, 1, 0)


def read(path: Path, **policy: str) -> Stack:
    return open_dicom(path, policy=ReadPolicy(**policy))  # type: ignore[arg-type]


def tagged(value: int | list[int], *, vr: str = "SS") -> Change:
    values = value if isinstance(value, list) else [value]

    def change(data: Dataset, k: int) -> None:
        data.add_new(0x00280120, vr, values[k % len(values)])
        data.RescaleIntercept = 0

    return change


def with_corners(value: int | list[int], *, count: int = 4) -> np.ndarray:
    pixels = truth(count, low=-1000)
    values = value if isinstance(value, list) else [value]
    for k in range(count):
        pixels[k][CORNERS] = values[k % len(values)]
    return pixels


def test_declared_padding_is_marked(tmp_path: Path) -> None:
    pixels = with_corners(-2000)
    write(tmp_path, pixels, change=tagged(-2000))
    stack = read(tmp_path)
    assert np.array_equal(padded(stack), pixels == -2000)
    assert stack.background == -1024
    assert np.array_equal(hu(stack), pixels)


def test_padding_is_kept_when_asked_to(tmp_path: Path) -> None:
    write(tmp_path, with_corners(-2000), change=tagged(-2000))
    assert read(tmp_path, padding="keep").padding is None


def test_unsigned_tag_on_signed_pixels_means_the_same_word(tmp_path: Path) -> None:
    pixels = with_corners(-2000)
    write(tmp_path, pixels, change=tagged(63536, vr="US"))
    assert np.array_equal(padded(read(tmp_path)), pixels == -2000)


def test_range_of_padding_is_marked_whole(tmp_path: Path) -> None:
    def change(data: Dataset, k: int) -> None:
        data.RescaleIntercept = 0
        data.add_new(0x00280120, "SS", -2000)
        data.add_new(0x00280121, "SS", -1990)

    pixels = with_corners([-2000, -1995, -1990, -1991])
    write(tmp_path, pixels, change=change)
    assert np.array_equal(padded(read(tmp_path)), pixels <= -1990)


def test_padding_that_differs_between_files_is_one_rule_for_the_stack(tmp_path: Path) -> None:
    pixels = with_corners([-2000, -3000, -1500, -2000])
    pixels[0, 2, 2] = -1500  # measured here: -1500 is padding in another file only
    write(tmp_path, pixels, change=tagged([-2000, -3000, -1500, -2000]))
    stack = read(tmp_path)
    assert np.array_equal(padded(stack), np.broadcast_to(CORNERS, pixels.shape))
    assert np.array_equal(hu(stack)[:, ~CORNERS], pixels[:, ~CORNERS])


def test_padding_word_outside_the_stored_bits_never_becomes_tissue(tmp_path: Path) -> None:
    pixels = truth(4)
    words = pixels.astype(np.uint16)
    words[:, CORNERS] = 63536  # -2000 as a word; its low 12 bits read 2096, which is bone

    def change(data: Dataset, k: int) -> None:
        data.BitsStored, data.HighBit = 12, 11
        data.add_new(0x00280120, "US", 63536)

    write(tmp_path, words, change=change)
    stack = read(tmp_path)
    assert np.array_equal(padded(stack), np.broadcast_to(CORNERS, words.shape))
    assert np.array_equal(hu(stack)[:, ~CORNERS], pixels[:, ~CORNERS] - 1024)


@pytest.mark.parametrize("value", [-2048, -3024])
def test_undeclared_constant_below_air_in_the_corners_is_padding(
    tmp_path: Path, value: int
) -> None:
    def change(data: Dataset, k: int) -> None:
        data.RescaleIntercept = 0

    pixels = with_corners(value)
    pixels[1, 3, 3] = -1207  # real values lie below air too
    write(tmp_path, pixels, change=change)
    stack = read(tmp_path)
    assert np.array_equal(padded(stack), pixels == value)
    assert any(diagnostic.code == "PADDING" for diagnostic in stack.diagnostics)


def test_wrong_tag_does_not_hide_undeclared_padding(tmp_path: Path) -> None:
    pixels = with_corners(-2000)
    write(tmp_path, pixels, change=tagged(-32768))
    assert np.array_equal(padded(read(tmp_path)), pixels == -2000)


def test_air_is_not_padding(tmp_path: Path) -> None:
    pixels = truth(4)
    pixels[:, CORNERS] = 0
    write(tmp_path, pixels)
    assert read(tmp_path).padding is None


def test_tag_that_names_a_value_of_tissue_is_not_believed(tmp_path: Path) -> None:
    pixels = with_corners(-1000)
    write(tmp_path, pixels, change=tagged(0))
    stack = read(tmp_path)
    assert stack.padding is None
    assert any(
        diagnostic.code == "PADDING" and "kept" in diagnostic.message
        for diagnostic in stack.diagnostics
    )


def test_invented_slices_take_padding_from_either_neighbour(tmp_path: Path) -> None:
    pixels = with_corners(-2000, count=7)
    pixels[4, 2, 2] = -2000
    write(tmp_path, pixels, change=tagged(-2000), skip=[3])
    stack = read(tmp_path, gaps="fill")
    expected = CORNERS.copy()
    expected[2, 2] = True
    assert np.array_equal(padded(stack)[3], expected)


def test_real_chest_with_an_undeclared_value_of_minus_2048(real_data: Path) -> None:
    stack = open_dicom(real_data / "odd_small/0.dcm", policy=ReadPolicy())
    assert stack.padding == (-2048, -2048)


def test_real_head_declares_minus_1500(real_data: Path) -> None:
    stack = open_dicom(real_data / "head_ge_tilt_varspacing/dicom", policy=ReadPolicy())
    assert stack.padding == (-1500, -1500)


def test_real_slices_of_janct_declare_minus_2000_stored(real_data: Path) -> None:
    stack = open_dicom(real_data / "ct_dicomseg_nrrdseg_dcmqi/ct-3slice", policy=ReadPolicy())
    assert stack.padding == (-2000, -2000)
    assert 0.1 < padded(stack).mean() < 0.4


def test_high_padding_and_undeclared_low_padding_are_both_marked(tmp_path: Path) -> None:
    pixels = with_corners(-2000)
    pixels[:, 2, 3] = 32767
    write(tmp_path, pixels, change=tagged(32767))
    assert np.array_equal(padded(read(tmp_path)), (pixels == -2000) | (pixels == 32767))


@pytest.mark.parametrize("high", [300, -500])
def test_range_that_holds_tissue_is_not_believed(tmp_path: Path, high: int) -> None:
    pixels = with_corners(-1000)

    def change(data: Dataset, k: int) -> None:
        data.add_new(0x00280120, "SS", -2000)
        data.add_new(0x00280121, "SS", high)
        data.RescaleIntercept = 0

    write(tmp_path, pixels, change=change)
    stack = read(tmp_path)
    assert not padded(stack).any()
    assert any("are kept" in diagnostic.message for diagnostic in stack.diagnostics)


def test_value_of_tissue_in_the_corners_and_within_the_slice_is_not_believed(
    tmp_path: Path,
) -> None:
    pixels = np.where(with_corners(0) == 0, 0, 40).astype(np.int16)
    write(tmp_path / "outside", pixels, change=tagged(0))
    assert padded(read(tmp_path / "outside")).any()
    pixels[:, 3, 3] = 0
    write(tmp_path / "within", pixels, change=tagged(0))
    stack = read(tmp_path / "within")
    assert not padded(stack).any()
    assert any("are kept" in diagnostic.message for diagnostic in stack.diagnostics)
