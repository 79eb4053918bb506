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
    JPEGBaseline8Bit,
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


@pytest.mark.parametrize("padding", [b"", b"\0", b"\xff", b"\0" * 5, b"\xff" * 6, b"\xff\0" * 70])
@pytest.mark.parametrize("syntax", [*ENCODERS, JPEGBaseline8Bit])
def test_padding_after_the_end_marker_does_not_matter(
    tmp_path: Path, syntax: str, padding: bytes
) -> None:
    """PS3.5 A.4 pads to an even length by 00; other writers pad by FF, which T.81 allows too."""
    pixels = np.arange(ROWS * COLUMNS, dtype=np.uint16).reshape(1, ROWS, COLUMNS) % 256
    stream = ENCODERS.get(syntax, lambda plane: imagecodecs.jpeg8_encode(plane.astype(np.uint8)))

    def change(pad: bytes) -> Change:
        def apply(data: Dataset, k: int) -> None:
            code = bytes(stream(pixels[0]))
            code = code.rstrip(b"\0") + pad
            data.file_meta.TransferSyntaxUID = syntax
            if syntax == JPEGBaseline8Bit:
                data.BitsAllocated = data.BitsStored = 8
                data.HighBit = 7
            item = b"\xfe\xff\0\xe0" + len(code).to_bytes(4, "little") + code
            data.PixelData = b"\xfe\xff\0\xe0" + bytes(4) + item + b"\xfe\xff\xdd\xe0" + bytes(4)
            data["PixelData"].VR = "OB"
            data["PixelData"].is_undefined_length = True

        return apply

    write(tmp_path / "padded", pixels, change=change(padding))
    write(tmp_path / "plain", pixels, change=change(b""))
    assert np.array_equal(stored(tmp_path / "padded"), stored(tmp_path / "plain"))
    assert abs(stored(tmp_path / "padded").astype(int) - pixels).max() <= 3


@pytest.mark.parametrize("syntax", list(ENCODERS))
def test_padded_frame_is_a_copy_of_its_twin(tmp_path: Path, syntax: str) -> None:
    pixels = truth(3).astype(np.uint16)

    def padded(data: Dataset, k: int) -> None:
        packed(syntax)(data, k)
        stream = bytes(ENCODERS[syntax](pixels[k])).rstrip(b"\0") + b"\xff"
        data.PixelData = encapsulate([stream + b"\xff" * (len(stream) % 2)])

    write(tmp_path, pixels, change=packed(syntax), uid="1.2.3")
    write(tmp_path, pixels, change=padded, uid="1.2.3", name="copy")
    stack = open_dicom(tmp_path, policy=ReadPolicy())
    assert [each.severity for each in stack.diagnostics if each.code == "DUPLICATE"] == ["repair"]
    assert np.array_equal(stored(tmp_path), pixels)


@pytest.mark.parametrize("syntax", [*ENCODERS, RLELossless])
def test_uncompressed_pixels_in_a_compressed_syntax_are_called_so(
    tmp_path: Path, syntax: str
) -> None:
    for path in write(tmp_path, truth(3)):
        data = path.read_bytes()
        old, new = b"1.2.840.10008.1.2.1\0", str(syntax).encode()
        new += b"\0" * (len(new) % 2)
        place = data.index(old)
        data = data[: place - 2] + len(new).to_bytes(2, "little") + new + data[place + len(old) :]
        path.write_bytes(data)
    with pytest.raises(RefusedError, match="not encapsulated") as caught:
        stored(tmp_path)
    assert caught.value.codes == ("CODEC",)
    (report,) = scan_dicom(tmp_path)
    assert [each.code for each in report.reasons if each.severity == "refusal"] == ["CODEC"]


def private(path: Path, syntax: str, *, implicit: bool, big: bool = False) -> None:
    """Write a file again under a private syntax: implicit or explicit VR, pixels in big endian."""
    from pydicom import dcmread

    data = dcmread(path)
    if big:
        words = np.frombuffer(data.PixelData, np.int16)
        data.PixelData = words.astype(">i2").tobytes()
    data.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else syntax
    data.save_as(path, implicit_vr=implicit, little_endian=True)
    data = path.read_bytes()
    if implicit:
        old = b"UI" + (18).to_bytes(2, "little") + b"1.2.840.10008.1.2\0"
        assert old in data
        path.write_bytes(data.replace(old, b"UI\x12\0" + syntax.encode().ljust(18, b"\0")))


@pytest.mark.parametrize("implicit", [True, False])
def test_private_syntax_is_named_as_private(tmp_path: Path, implicit: bool) -> None:
    for path in write(tmp_path, truth(2)):
        private(path, "1.2.840.113619.5.3", implicit=implicit)
    with pytest.raises(RefusedError, match="private transfer syntax cannot be decoded") as caught:
        stored(tmp_path)
    assert caught.value.codes == ("CODEC",)


def test_private_syntax_of_ge_is_read_as_gdcm_reads_it(tmp_path: Path) -> None:
    import SimpleITK as sitk

    pixels = truth(3, low=-900)
    paths = write(tmp_path, pixels)
    for path in paths:
        private(path, "1.2.840.113619.5.2", implicit=True, big=True)
    assert np.array_equal(stored(tmp_path), pixels)
    for k, path in enumerate(paths):
        theirs = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))[0]
        assert np.array_equal(theirs, pixels[k] - 1024)


def test_file_meta_information_in_implicit_vr_is_read_with_a_note(tmp_path: Path) -> None:
    pixels = truth(3)
    for path in write(tmp_path, pixels):
        data = path.read_bytes()
        stop = 144 + int.from_bytes(data[140:144], "little")
        meta, place = b"", 144
        while place < stop:
            long = data[place + 4 : place + 6] == b"OB"
            start = place + (12 if long else 8)
            size = int.from_bytes(
                data[place + 8 : start] if long else data[place + 6 : start], "little"
            )
            value = data[start : start + size]
            meta += data[place : place + 4] + size.to_bytes(4, "little") + value
            place = start + size
        head = b"\2\0\0\0\4\0\0\0" + len(meta).to_bytes(4, "little")
        path.write_bytes(data[:132] + head + meta + data[stop:])
    assert np.array_equal(stored(tmp_path), pixels)
    notes = open_dicom(tmp_path, policy=ReadPolicy()).diagnostics
    assert [each.severity for each in notes if each.code == "IMPLICIT_META"] == ["note"]
    assert not any(each.code == "ASSUMED" for each in notes)


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
