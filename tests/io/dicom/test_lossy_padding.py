"""Padding that lossy compression moved off its value becomes air, and tissue does not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate

import hounsfield as hu
from tests.io.dicom.scanner import Change, write
from tests.reported import reported

Encode = Callable[[np.ndarray], bytes]
SIDE = 96
J2K, JPEG_LS, EXPLICIT = ("1.2.840.10008.1.2.4.91", "1.2.840.10008.1.2.4.81", "1.2.840.10008.1.2.1")


def j2k(level: int) -> Encode:
    return lambda plane: bytes(
        imagecodecs.jpeg2k_encode(plane, codecformat="j2k", reversible=False, level=level)
    )


def near(level: int) -> Encode:
    return lambda plane: bytes(imagecodecs.jpegls_encode(plane, level=level))


def scan(padding: int) -> tuple[np.ndarray, np.ndarray]:
    """HU (k, row, column) of a head in air with noise, padded outside a circle; and the padding."""
    i, j = np.indices((SIDE, SIDE)) - (SIDE - 1) / 2
    ellipse = np.hypot(i / 1.2, j)
    values = np.where(ellipse < 28, 35.0, np.where(ellipse < 32, 900.0, -1000.0))
    values[:, 70:74] = np.where(np.abs(i[:, 70:74]) < 12, -60.0, values[:, 70:74])
    noise = np.random.default_rng(2).normal(0, 12, (3, SIDE, SIDE))
    outside = np.broadcast_to(np.hypot(i, j) > SIDE / 2, noise.shape)
    truth = np.rint(values + noise)
    return np.where(outside, padding, truth).astype(np.int16), outside


def lossy(syntax: str, encode: Encode | None, *, padding: int | None, flag: str = "") -> Change:
    """Encode the pixels, stored from -4096 HU, and declare the padding and the compression."""

    def change(data: Dataset, k: int) -> None:
        plane = np.frombuffer(data.PixelData, np.uint16).reshape(SIDE, SIDE)
        data.RescaleIntercept = -4096
        if flag:
            data.LossyImageCompression = flag
        if padding is not None:
            data.add_new(0x00280120, "US", padding + 4096)
        if encode is not None:
            data.file_meta.TransferSyntaxUID = syntax
            data.PixelData = encapsulate([encode(plane)])
            data["PixelData"].VR = "OB"

    return change


CASES = {
    "j2k 70 dB": (J2K, j2k(70)),
    "j2k 60 dB": (J2K, j2k(60)),
    "j2k 56 dB": (J2K, j2k(56)),
    "jpeg-ls 2": (JPEG_LS, near(2)),
    "jpeg-ls 30": (JPEG_LS, near(30)),
}


@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize("padding", [-3024, -2000, -1500])
@pytest.mark.parametrize("name", CASES)
def test_scattered_padding_becomes_air(
    tmp_path: Path, name: str, padding: int, declared: bool
) -> None:
    values, outside = scan(padding)
    syntax, encode = CASES[name]
    write(
        tmp_path,
        (values + 4096).astype(np.uint16),
        change=lossy(syntax, encode, padding=padding if declared else None),
    )
    kept = hu.read(tmp_path, padding="keep").array.transpose(2, 1, 0)
    with reported("PADDING"):
        found = hu.read(tmp_path).array.transpose(2, 1, 0)
    assert (kept[outside] == padding).mean() < 0.6, "the codec moves the padding"
    assert (found[outside] == -1024).mean() > 0.995
    assert (found < -1350).mean() < 1e-3, "no half-padding is left but the codec's ringing"
    inside = ~outside & (values > -900)
    assert np.array_equal(found[inside], kept[inside])
    (codes,) = {
        each.severity
        for each in hu.open(tmp_path).diagnostics
        if each.code == "PADDING" and "lossy" in each.message
    }
    assert codes == "repair"


def test_flag_of_a_lossy_image_in_an_uncompressed_syntax_counts(tmp_path: Path) -> None:
    values, outside = scan(-3024)
    moved = np.stack([imagecodecs.jpegls_decode(near(20)(p)) for p in (values + 4096).astype("u2")])
    write(tmp_path, moved, change=lossy(EXPLICIT, None, padding=-3024, flag="01"))
    with reported("PADDING"):
        found = hu.read(tmp_path).array.transpose(2, 1, 0)
    assert (found[outside] == -1024).mean() > 0.995


@pytest.mark.parametrize("number", ["81", "91"])
def test_real_lossy_chest_has_no_padding_left(real_data: Path, number: str) -> None:
    """It declares -32768 and is padded by -2000, which the codecs scattered."""
    folder = real_data / "transfer_syntaxes_ge_chest"
    (path,) = folder.glob(f"*1.2.840.10008.1.2.4.{number}.dcm")
    exact = hu.open(folder / "CTImage.dcm", padding="keep").volume().array
    with reported("PADDING"):
        found = hu.read(path).array
    assert (found[exact == -3024] == -1024).mean() > 0.999
    assert found.min() > -1200


@pytest.mark.parametrize("flag", ["", "01"])
def test_exact_padding_stays_exact(tmp_path: Path, flag: str) -> None:
    """A lossless image in a syntax that may be lossy: nothing but its padding value changes."""
    values, _ = scan(-3024)
    values[:, SIDE // 2, 2] = -1203  # a low measured value next to the padding

    def lossless(plane: np.ndarray) -> bytes:
        return bytes(imagecodecs.jpeg2k_encode(plane, codecformat="j2k", reversible=True, level=0))

    write(
        tmp_path,
        (values + 4096).astype(np.uint16),
        change=lossy(J2K, lossless, padding=-3024, flag=flag),
    )
    found = hu.read(tmp_path).array.transpose(2, 1, 0)
    assert np.array_equal(found, np.where(values == -3024, -1024, values))


def test_padding_too_close_to_air_is_warned_of(tmp_path: Path) -> None:
    values, _ = scan(-1150)
    stored = (values + 4096).astype(np.uint16)
    write(tmp_path, stored, change=lossy(JPEG_LS, near(20), padding=-1150))
    (warning,) = (each for each in hu.open(tmp_path).diagnostics if each.severity == "warning")
    assert warning.code == "PADDING"
    assert "too close" in warning.message
