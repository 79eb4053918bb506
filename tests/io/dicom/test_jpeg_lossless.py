"""JPEG Lossless in DICOM: any predictor, signed or not, as encoders wrote it, against peers."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate

import hounsfield as hu
from hounsfield.core.errors import ReadError
from tests.io.dicom.jpeg_lossless import encode
from tests.io.dicom.scanner import write

SV1, PROCESS_14 = "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.57"


def head(*, low: int, high: int) -> np.ndarray:
    """A slice with air, padding below it, a skull and noise: values cross 0 everywhere."""
    i, j = np.indices((40, 48)) - np.array([20, 24])[:, None, None]
    radius = np.hypot(i, j)
    values = np.where(radius < 12, 0.1, np.where(radius < 15, 1.0, -0.9)) * min(high, -low or high)
    values = values + np.random.default_rng(3).normal(0, 0.02 * (high - low), values.shape)
    values[radius > 23] = low
    return np.clip(np.rint(values), low, high).astype(np.int64)


def store(
    folder: Path, pixels: np.ndarray, *, predictor: int, bits: int, signed_prediction: bool = False
) -> Path:
    """One slice in a SOF3 codestream; signed pixels are stored as words of `bits` bits."""
    signed = pixels.min() < 0
    samples = pixels.astype(np.int16) if signed_prediction else pixels & 2**bits - 1
    stream = encode(
        samples if signed_prediction else samples.astype(np.uint16), predictor=predictor, bits=bits
    )

    def change(data: Dataset, k: int) -> None:
        data.file_meta.TransferSyntaxUID = SV1 if predictor == 1 else PROCESS_14
        data.BitsStored, data.HighBit, data.PixelRepresentation = bits, bits - 1, int(signed)
        data.RescaleIntercept, data.PixelSpacing = 0, [0.5, 0.5]
        data.PixelData = encapsulate([stream])
        data["PixelData"].VR = "OB"

    dtype = np.int16 if signed else np.uint16
    return write(folder, pixels[None].astype(dtype), change=change)[0]


def stored(path: Path) -> np.ndarray:
    return np.asarray(hu.open(path, padding="keep").slab(0, 1)[:, :, 0].T)


@pytest.mark.parametrize("signed", ["unsigned", "signed", "signed prediction"])
@pytest.mark.parametrize("bits", [12, 13, 16])
@pytest.mark.parametrize("predictor", range(1, 8))
def test_every_predictor_is_read(tmp_path: Path, predictor: int, bits: int, signed: str) -> None:
    low = 0 if signed == "unsigned" else -1500
    pixels = head(low=low, high=2**bits - 1 if signed == "unsigned" else 2047)
    path = store(
        tmp_path,
        pixels,
        predictor=predictor,
        bits=bits,
        signed_prediction=signed == "signed prediction",
    )
    assert np.array_equal(stored(path), pixels)


@pytest.mark.parametrize("bits", [12, 16])
@pytest.mark.parametrize("predictor", range(1, 8))
def test_simpleitk_reads_the_standard_ones_alike(tmp_path: Path, predictor: int, bits: int) -> None:
    import SimpleITK as sitk

    pixels = head(low=-1500, high=2047)
    path = store(tmp_path, pixels, predictor=predictor, bits=bits)
    assert np.array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(path)))[0], stored(path))


@pytest.mark.parametrize("predictor", range(1, 7))
def test_dcm2niix_reads_signed_prediction_alike(tmp_path: Path, predictor: int) -> None:
    dcm2niix = pytest.importorskip("dcm2niix")
    import nibabel

    pixels = head(low=-1500, high=2047)
    path = store(tmp_path / "in", pixels, predictor=predictor, bits=16, signed_prediction=True)
    (tmp_path / "out").mkdir()
    command = [dcm2niix.bin, "-s", "y", "-b", "n", "-z", "n", "-o", str(tmp_path / "out"), path]
    subprocess.run(command, check=True, capture_output=True)
    (found,) = (tmp_path / "out").glob("*.nii")
    theirs = np.squeeze(np.asarray(nibabel.load(found).dataobj)).T[::-1]  # type: ignore[attr-defined]
    assert np.array_equal(theirs, stored(path))


@pytest.mark.parametrize("predictor", range(1, 8))
@pytest.mark.parametrize("signed_prediction", [False, True])
def test_a_real_head_is_read(
    real_data: Path, tmp_path: Path, predictor: int, signed_prediction: bool
) -> None:
    stack = hu.open(real_data / "head_ge_tilt_varspacing" / "dicom", padding="keep")
    pixels = stack.slab(12, 13)[:, :, 0].T.astype(np.int64)
    path = store(
        tmp_path, pixels, predictor=predictor, bits=16, signed_prediction=signed_prediction
    )
    assert np.array_equal(stored(path), pixels)


def test_noise_that_either_arithmetic_could_have_made_is_refused(tmp_path: Path) -> None:
    pixels = np.random.default_rng(5).integers(-32768, 32767, (40, 48))
    path = store(tmp_path, pixels, predictor=6, bits=16)
    with pytest.raises(ReadError, match="two decodings") as caught:
        stored(path)
    assert caught.value.codes == ("CODEC",)


def test_a_stream_with_a_changed_code_is_refused_by_name(tmp_path: Path) -> None:
    path = store(tmp_path, head(low=-1500, high=2047), predictor=4, bits=16)
    data = path.read_bytes()
    start = data.rindex(b"\xff\xda") + 10
    path.write_bytes(data[:start] + b"\xfa" * 40 + data[start + 40 :])
    with pytest.raises(ReadError, match="JPEG Lossless compressed data") as caught:
        stored(path)
    assert caught.value.diagnostics[0].where.endswith(path.name)
