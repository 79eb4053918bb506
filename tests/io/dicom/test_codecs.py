"""Every transfer syntax that CT comes in."""

from __future__ import annotations

from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    HTJ2KLossless,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from hounsfield.core.errors import HounsfieldError, ReadError, RefusedError
from hounsfield.core.policy import ReadPolicy
from hounsfield.io.dicom.read import open_dicom
from hounsfield.io.dicom.report import scan_dicom
from tests.io.dicom.scanner import COLUMNS, ROWS, Change, truth, write

ENCODERS = {
    JPEGLSLossless: lambda plane: imagecodecs.jpegls_encode(plane),
    JPEG2000Lossless: lambda plane: imagecodecs.jpeg2k_encode(
        plane, codecformat="j2k", reversible=True, level=0
    ),
    JPEGLosslessSV1: lambda plane: imagecodecs.ljpeg_encode(plane, bitspersample=16),
}


def packed(syntax: str, *, pieces: int = 1) -> Change:
    """Compress the pixels; `pieces` cuts each codestream into fragments."""

    def change(data: Dataset, k: int) -> None:
        plane = np.frombuffer(data.PixelData, np.uint16).reshape(ROWS, COLUMNS)
        data.file_meta.TransferSyntaxUID = syntax
        data.PixelData = encapsulate([ENCODERS[syntax](plane)], fragments_per_frame=pieces)
        data["PixelData"].VR = "OB"
        data["PixelData"].is_undefined_length = True

    return change


def stored(path: Path) -> np.ndarray:
    stack = open_dicom(path, policy=ReadPolicy())
    return stack.slab(0, stack.shape[2]).transpose(2, 1, 0)


@pytest.mark.parametrize("pieces", [1, 3])
@pytest.mark.parametrize("syntax", list(ENCODERS))
def test_lossless_codecs_give_back_what_was_put_in(
    tmp_path: Path, syntax: str, pieces: int
) -> None:
    pixels = truth(3).astype(np.uint16)
    write(tmp_path, pixels, change=packed(syntax, pieces=pieces))
    assert np.array_equal(stored(tmp_path), pixels)


@pytest.mark.parametrize(
    "syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]
)
def test_uncompressed_syntaxes_give_back_what_was_put_in(tmp_path: Path, syntax: str) -> None:
    pixels = truth(3, low=-900)

    def change(data: Dataset, k: int) -> None:
        data.file_meta.TransferSyntaxUID = syntax
        if syntax == ExplicitVRBigEndian:
            data.PixelData = pixels[k].byteswap().tobytes()

    write(tmp_path, pixels, change=change)
    assert np.array_equal(stored(tmp_path), pixels)


def test_rle_gives_back_what_was_put_in(tmp_path: Path) -> None:
    pixels = truth(3, low=-900)

    def change(data: Dataset, k: int) -> None:
        data.compress(RLELossless, generate_instance_uid=False)

    write(tmp_path, pixels, change=change)
    assert np.array_equal(stored(tmp_path), pixels)


def test_jpeg2000_whose_sign_the_header_denies_is_read_as_it_was_written(tmp_path: Path) -> None:
    pixels = truth(3, low=-900)

    def change(data: Dataset, k: int) -> None:
        data.file_meta.TransferSyntaxUID = JPEG2000Lossless
        stream = imagecodecs.jpeg2k_encode(pixels[k], codecformat="j2k", reversible=True, level=0)
        data.PixelData, data.PixelRepresentation = encapsulate([stream]), 0
        data["PixelData"].VR = "OB"

    write(tmp_path, pixels, change=change)
    assert np.array_equal(stored(tmp_path), pixels)


@pytest.mark.parametrize("bits", [13, 16])
def test_jpeg2000_of_unsigned_words_under_a_signed_header_is_sign_extended(
    tmp_path: Path, bits: int
) -> None:
    pixels = truth(3, low=-900)

    def change(data: Dataset, k: int) -> None:
        data.file_meta.TransferSyntaxUID = JPEG2000Lossless
        words = (pixels[k].astype(np.int32) & 0x1FFF).astype(np.uint16)
        stream = imagecodecs.jpeg2k_encode(
            words, codecformat="j2k", reversible=True, level=0, bitspersample=13
        )
        data.PixelData, data.BitsStored, data.HighBit = encapsulate([stream]), bits, bits - 1
        data["PixelData"].VR = "OB"

    write(tmp_path, pixels, change=change)
    assert np.array_equal(stored(tmp_path), pixels)


@pytest.mark.parametrize("syntax", list(ENCODERS))
def test_frame_of_another_size_than_its_header_is_refused(tmp_path: Path, syntax: str) -> None:
    def change(data: Dataset, k: int) -> None:
        data.file_meta.TransferSyntaxUID = syntax
        data.PixelData = encapsulate([ENCODERS[syntax](np.zeros((ROWS * 2, COLUMNS), np.uint16))])
        data["PixelData"].VR = "OB"

    write(tmp_path, truth(2).astype(np.uint16), change=change)
    with pytest.raises(ReadError, match="but the DICOM header gives"):
        stored(tmp_path)


@pytest.mark.parametrize("syntax", [*ENCODERS, RLELossless])
def test_cut_codestream_is_an_error_and_never_zeros(tmp_path: Path, syntax: str) -> None:
    def change(data: Dataset, k: int) -> None:
        if syntax == RLELossless:
            data.compress(RLELossless, generate_instance_uid=False)
        else:
            packed(syntax)(data, k)

    path = write(tmp_path, truth(1).astype(np.uint16), change=change)[0]
    data = path.read_bytes()
    for point in np.linspace(200, len(data) - 9, 32).astype(int):
        path.write_bytes(data[:point])
        with pytest.raises(HounsfieldError):
            stored(path)


@pytest.mark.parametrize("syntax", [*ENCODERS, RLELossless])
def test_cut_codestream_in_whole_fragments_is_an_error_too(tmp_path: Path, syntax: str) -> None:
    from pydicom.encaps import generate_frames

    def change(data: Dataset, k: int) -> None:
        if syntax == RLELossless:
            data.compress(RLELossless, generate_instance_uid=False)
        else:
            packed(syntax)(data, k)
        stream = next(generate_frames(data.PixelData, number_of_frames=1))
        data.PixelData = encapsulate([stream[: len(stream) * 2 // 3]])
        data["PixelData"].VR = "OB"

    write(tmp_path, truth(1).astype(np.uint16), change=change)
    with pytest.raises(HounsfieldError):
        stored(tmp_path)


def test_unknown_transfer_syntax_is_refused(tmp_path: Path) -> None:
    def change(data: Dataset, k: int) -> None:
        data.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.102"
        data.PixelData = encapsulate([b"\0" * 64])
        data["PixelData"].VR = "OB"

    write(tmp_path, truth(2), change=change)
    with pytest.raises(RefusedError, match="transfer syntax") as caught:
        stored(tmp_path)
    assert caught.value.codes == ("CODEC",)


def test_pixels_in_a_private_syntax_are_not_called_truncated(tmp_path: Path) -> None:
    for path in write(tmp_path, truth(2)):
        path.write_bytes(
            path.read_bytes().replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.113619.5.2\0\0")
        )
    with pytest.raises(RefusedError) as caught:
        stored(tmp_path)
    assert caught.value.codes == ("CODEC",)


def hu(path: Path) -> np.ndarray:
    stack = open_dicom(path, policy=ReadPolicy())
    values = stack.slab(0, 1)[:, :, 0].astype(float)
    pad = stack.padding or (1, 0)
    rescaled = values * stack.slopes[0] + stack.intercepts[0]
    rescaled[(values >= pad[0]) & (values <= pad[1])] = -1024
    return np.maximum(rescaled, -1024)


def test_wrapped_pixels_that_are_called_uncompressed_are_refused(tmp_path: Path) -> None:
    for path in write(tmp_path, truth(3)):
        data = path.read_bytes()
        start = data.rindex(b"\xe0\x7f\x10\0OW\0\0") + 8
        pixels = data[start + 4 :]
        items = (
            b"\xfe\xff\0\xe0"
            + bytes(4)
            + b"\xfe\xff\0\xe0"
            + len(pixels).to_bytes(4, "little")
            + pixels
        )
        path.write_bytes(data[:start] + b"\xff" * 4 + items + b"\xfe\xff\xdd\xe0" + bytes(4))
    with pytest.raises(RefusedError) as caught:
        stored(tmp_path)
    assert caught.value.codes == ("CODEC",)


def test_one_slice_in_sixteen_syntaxes_is_one_slice(real_data: Path) -> None:
    folder = real_data / "transfer_syntaxes_ge_chest"
    reference = hu(folder / "CTImage.dcm")
    lossy = (".50.", ".51.", ".53.", ".55.", ".81.", ".91.")
    for path in sorted(folder.iterdir()):
        values = hu(path)
        if any(f"1.2.840.10008.1.2.4{mark}" in path.name for mark in lossy):
            step = open_dicom(path, policy=ReadPolicy()).slopes[
                0
            ]  # the 8-bit one was cut to steps of 32 HU
            assert abs((values - reference).mean()) < max(5, step / 2), path.name
        else:
            assert np.array_equal(values, reference), path.name
    assert len(list(folder.iterdir())) == 16


def test_htj2k_is_known_to_the_decoder() -> None:
    from hounsfield.io.dicom.tags import CODECS

    assert CODECS[HTJ2KLossless] == "htj2k"


def test_scan_sees_a_cut_codestream_without_decoding_it(tmp_path: Path) -> None:
    paths = write(tmp_path, truth(3).astype(np.uint16), change=packed(JPEGLSLossless))
    paths[1].write_bytes(paths[1].read_bytes()[:-30])
    (report,) = scan_dicom(tmp_path)
    assert report.verdict == "refused"
    (reason,) = (reason for reason in report.reasons if reason.severity == "refusal")
    assert (reason.code, [name for _, name in reason.files]) == ("TRUNCATED", [paths[1].name])


def test_pixels_of_32_bits_are_read(tmp_path: Path) -> None:
    pixels = truth(3).astype(np.uint32)
    write(tmp_path, pixels)
    assert np.array_equal(stored(tmp_path), pixels)
    volume = open_dicom(tmp_path, policy=ReadPolicy()).volume()
    assert np.array_equal(volume.array.transpose(2, 1, 0), truth(3) - 1024)
