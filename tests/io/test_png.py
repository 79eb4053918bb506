"""PNG slices: what a picture viewer sees, what comes back, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hounsfield.core.errors import HounsfieldError, QuantityError, ReadError, WriteError
from hounsfield.core.volume import Volume
from hounsfield.io.open import read
from hounsfield.io.write import write
from tests.io.made import AFFINE, head_like


@pytest.fixture
def slices(tmp_path: Path) -> Path:
    write(Volume.from_array(head_like(), affine=AFFINE), tmp_path / "slices", format="png")
    return tmp_path / "slices"


def test_every_picture_holds_its_slope_and_intercept(slices: Path) -> None:
    assert sorted(path.name for path in slices.iterdir())[:2] == [
        "slice-0000.png",
        "slice-0001.png",
    ]
    for k in range(16):
        with Image.open(slices / f"slice-{k:04d}.png") as image:
            assert image.size == (18, 17)
            pixels = np.asarray(image).astype(np.int64)
            values = pixels * float(image.info["Rescale Slope"]) + float(
                image.info["Rescale Intercept"]
            )
        np.testing.assert_array_equal(values.T, head_like()[:, :, k])


def test_hu_of_the_usual_range_are_stored_alike_whatever_the_scan_holds(tmp_path: Path) -> None:
    for low in (-1024, -300):
        write(
            Volume.from_array(np.full((2, 2, 1), low, np.int16), affine=AFFINE),
            tmp_path / str(low),
            format="png",
        )
        assert json.loads((tmp_path / str(low) / "volume.json").read_text())["intercept"] == -1024


def test_whole_hu_among_fractions_come_back_exactly(tmp_path: Path) -> None:
    array = np.array([-1200, -1000, 0.3, 40, 3071, 12345], np.float32).reshape(2, 3, 1, order="F")
    write(Volume.from_array(array, affine=AFFINE), tmp_path / "slices", format="png")
    back = read(tmp_path / "slices").array
    whole = np.rint(array) == array
    np.testing.assert_array_equal(back[whole], array[whole])
    assert abs(back[~whole] - array[~whole]) <= 1 / 8


def test_values_beyond_16_bits_are_refused_and_nothing_is_left(tmp_path: Path) -> None:
    array = np.array([-40_000, 40_000], np.int32).reshape(2, 1, 1)
    with pytest.raises(QuantityError, match="16 bits"):
        write(Volume.from_array(array, affine=AFFINE), tmp_path / "slices", format="png")
    assert list(tmp_path.iterdir()) == []


def test_eight_bits_want_a_window_first(tmp_path: Path) -> None:
    with pytest.raises(QuantityError, match="apply Window"):
        write(Volume.from_array(head_like(), affine=AFFINE), tmp_path / "slices", format="png8")
    unit = np.linspace(0, 1, 256, dtype=np.float32).reshape(16, 16, 1)
    write(
        Volume.from_array(unit, affine=AFFINE, quantity="unit"), tmp_path / "slices", format="png8"
    )
    with Image.open(tmp_path / "slices" / "slice-0000.png") as image:
        assert image.mode == "L"
        np.testing.assert_array_equal(np.asarray(image).T, np.arange(256).reshape(16, 16))
    np.testing.assert_allclose(read(tmp_path / "slices", quantity="unit").array, unit, atol=1e-6)


def test_an_earlier_output_is_replaced_whole_and_nothing_else(slices: Path) -> None:
    write(Volume.from_array(head_like((4, 5, 3)), affine=AFFINE), slices, format="png")
    assert len(list(slices.iterdir())) == 4
    (slices / "mine.txt").write_text("keep")
    with pytest.raises(WriteError, match="contains other files"):
        write(Volume.from_array(head_like(), affine=AFFINE), slices, format="png")
    assert (slices / "mine.txt").read_text() == "keep"
    assert [path.name for path in slices.parent.iterdir()] == ["slices"]


def test_a_file_or_link_in_the_place_of_the_folder_is_left(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("keep")
    (tmp_path / "link").symlink_to(tmp_path)
    for name in ("file", "link"):
        with pytest.raises(WriteError, match="file or link"):
            write(Volume.from_array(head_like(), affine=AFFINE), tmp_path / name, format="png")


def _swap(slices: Path) -> None:
    Image.fromarray(np.zeros((17, 18), np.uint16)).save(slices / "slice-0003.png")


def _resize(slices: Path) -> None:
    Image.fromarray(np.zeros((5, 5), np.uint16)).save(slices / "slice-0003.png")


def _colour(slices: Path) -> None:
    Image.fromarray(np.zeros((17, 18, 3), np.uint8)).save(slices / "slice-0003.png")


def _rename(slices: Path) -> None:
    Image.fromarray(np.zeros((17, 18), np.uint8)).save(slices / "slice-0003.png", format="BMP")


def _remove(slices: Path) -> None:
    (slices / "slice-0003.png").unlink()


@pytest.mark.parametrize("fault", [_swap, _resize, _colour, _rename, _remove])
def test_a_slice_of_another_output_is_refused(slices: Path, fault: object) -> None:
    fault(slices)  # type: ignore[operator]
    with pytest.raises(ReadError):
        read(slices)


def test_truncation_anywhere_is_an_error_and_never_zeros(slices: Path) -> None:
    path = slices / "slice-0003.png"
    data = path.read_bytes()
    for part in range(32):
        path.write_bytes(data[: len(data) * part // 32])
        with pytest.raises(HounsfieldError):
            read(slices)
