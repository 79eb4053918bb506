"""Bytes that mean harm: our own error, soon, in little memory."""

from __future__ import annotations

import random
import time
import tracemalloc
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGLSLossless,
    RLELossless,
)

from hounsfield.core.errors import HounsfieldError
from hounsfield.core.policy import ReadPolicy
from hounsfield.io.dicom.read import open_dicom
from hounsfield.io.dicom.report import scan_dicom
from tests.io.dicom.scanner import truth, write


def read(path: Path) -> np.ndarray:
    stack = open_dicom(path, policy=ReadPolicy())
    return stack.slab(0, stack.shape[2])


def nested(depth: int, *, undefined: bool) -> Dataset:
    data = Dataset()
    data.PatientComments = "x"
    for _ in range(depth):
        outer = Dataset()
        outer.add_new(0x00409096, "SQ", [data])
        outer[0x00409096].is_undefined_length = undefined
        data.is_undefined_length_sequence_item = undefined
        data = outer
    return data


@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize("implicit", [False, True])
@pytest.mark.parametrize(("depth", "refused"), [(20, False), (70, True), (150, True)])
def test_sequences_nested_over_64_deep_are_refused(
    tmp_path: Path, depth: int, refused: bool, undefined: bool, implicit: bool
) -> None:
    def change(data: Dataset, k: int) -> None:
        data.update(nested(depth, undefined=undefined))
        if implicit:
            data.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian

    path = write(tmp_path, truth(1), change=change)[0]
    if refused:
        with pytest.raises(HounsfieldError, match="64 deep"):
            read(path)
        assert [item.code for item in scan_dicom(path).other] == ["NESTED"]
    else:
        assert read(path).size


def test_sequence_nested_a_million_deep_is_refused_soon(tmp_path: Path) -> None:
    path = write(tmp_path, truth(1))[0]
    data = path.read_bytes()
    place = data.index(b"\x08\x00\x60\x00CS")
    bomb = (
        b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff" + b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
    ) * 100_000
    path.write_bytes(data[:place] + bomb + data[place:])
    start = time.perf_counter()
    with pytest.raises(HounsfieldError):
        read(path)
    assert time.perf_counter() - start < 5


def test_deflated_bomb_is_inflated_no_further_than_its_header_says(tmp_path: Path) -> None:
    def change(data: Dataset, k: int) -> None:
        data.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian

    path = write(tmp_path, truth(1), change=change)[0]
    data = path.read_bytes()
    start = 132 + 12 + int.from_bytes(data[140:144], "little")
    plain = zlib.decompress(data[start:], -15)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = (
        packer.compress(plain)
        + b"".join(packer.compress(bytes(1 << 20)) for _ in range(300))
        + packer.flush()
    )
    path.write_bytes(data[:start] + bomb)
    tracemalloc.start()
    try:
        assert np.array_equal(read(path)[:, :, 0].T, truth(1)[0])
        assert tracemalloc.get_traced_memory()[1] < 20 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless])
def test_codestream_that_asks_for_the_moon_gets_nothing(tmp_path: Path, syntax: str) -> None:
    def change(data: Dataset, k: int) -> None:
        data.file_meta.TransferSyntaxUID = syntax
        data.Rows = data.Columns = 65535
        stream = (
            imagecodecs.jpegls_encode(np.zeros((4, 4), np.uint16))
            if syntax == JPEGLSLossless
            else b"\2\0\0\0" + b"\x40\0\0\0" * 15 + b"\x81\0" * 20
        )
        data.PixelData = encapsulate([bytes(stream)])
        data["PixelData"].VR = "OB"

    path = write(tmp_path, truth(1), change=change)[0]
    with pytest.raises(HounsfieldError):
        read(path)


def test_two_huge_frames_at_one_place_are_not_compared(tmp_path: Path) -> None:
    def change(data: Dataset, k: int) -> None:
        data.file_meta.TransferSyntaxUID = JPEGLSLossless
        data.Rows = data.Columns = 65535
        data.ImagePositionPatient = [0, 0, 0]
        data.PixelData = encapsulate(
            [b"\xff\xd8\xff\xf7\0\x0b\x10\xff\xff\xff\xff\1\1\x11\0\xff\xd9\0"]
        )
        data["PixelData"].VR = "OB"

    write(tmp_path, truth(2), change=change)
    tracemalloc.start()
    try:
        assert "TOO_LARGE" in {
            reason.code for report in scan_dicom(tmp_path) for reason in report.reasons
        }
        assert tracemalloc.get_traced_memory()[1] < 20 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("bits", [1, 12])
def test_two_frames_that_cannot_be_decoded_at_one_place_are_refused(
    tmp_path: Path, bits: int
) -> None:
    def change(data: Dataset, k: int) -> None:
        data.BitsAllocated = bits
        data.ImagePositionPatient = [0, 0, 0]

    write(tmp_path, truth(2), change=change)
    with pytest.raises(HounsfieldError):
        read(tmp_path)


def test_declared_size_is_checked_before_anything_is_allocated(tmp_path: Path) -> None:
    def change(data: Dataset, k: int) -> None:
        data.Rows = data.Columns = 8000
        data.NumberOfFrames = 90_000

    path = write(tmp_path, truth(1), change=change)[0]
    tracemalloc.start()
    try:
        with pytest.raises(HounsfieldError):
            read(path)
        assert tracemalloc.get_traced_memory()[1] < 200 << 20
    finally:
        tracemalloc.stop()


def mutated(data: bytes, chance: random.Random) -> bytes:
    """A few bytes changed, a stretch removed, doubled or zeroed, or the end cut off."""
    out = bytearray(data)
    limit = min(len(out), 1400) if chance.random() < 0.8 else len(out)
    for _ in range(chance.choice((1, 1, 2, 8))):
        kind, place = chance.randrange(6), chance.randrange(max(1, min(limit, len(out)) - 16))
        size = chance.choice((1, 2, 4, 8, 64))
        if kind == 0:
            out[place] = chance.randrange(256)
        elif kind == 1:
            out[place : place + size] = chance.choice((b"\0", b"\xff")) * size
        elif kind == 2:
            del out[place : place + size]
        elif kind == 3:
            out[place:place] = out[place : place + size]
        elif kind == 4:
            out[place : place + 4] = chance.choice(
                (0xFFFFFFFF, 0x7FFFFFFF, 0, 8, 1 << 16)
            ).to_bytes(4, "little")
        else:
            del out[max(200, len(out) - chance.randrange(400)) :]
    return bytes(out)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("kind", ["explicit", "implicit", "jpeg-ls", "enhanced"])
def test_any_bytes_give_a_volume_or_our_own_error(tmp_path: Path, kind: str) -> None:
    def change(data: Dataset, k: int) -> None:
        if kind == "implicit":
            data.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
        if kind == "jpeg-ls":
            data.file_meta.TransferSyntaxUID = JPEGLSLossless
            data.PixelData = encapsulate([imagecodecs.jpegls_encode(truth(1)[0].astype(np.uint16))])
            data["PixelData"].VR = "OB"

    if kind == "enhanced":
        from tests.io.dicom.test_enhanced import write_enhanced

        path = tmp_path / "x"
        write_enhanced(path, truth(3), order=[2, 0, 1])
    else:
        path = write(tmp_path, truth(1), change=change)[0]
    data, chance = path.read_bytes(), random.Random(kind)
    for _ in range(250):
        path.write_bytes(mutated(data, chance))
        said = ""
        try:
            read(path)
        except HounsfieldError as error:
            said = str(error)
        assert "SECRET" not in said
        assert "\n" not in said


@pytest.mark.parametrize("far", [20_000.0, 90_000.0, 1e9, 1e300])
def test_slices_that_lie_meters_apart_are_refused_before_a_volume_is_made_of_them(
    tmp_path: Path, far: float
) -> None:
    folder = tmp_path / "scan"
    write(folder, truth(4), positions=[(0, 0, 0), (0, 0, 0.05), (0, 0, 0.1), (0, 0, far)])
    tracemalloc.start()
    try:
        with pytest.raises(HounsfieldError):
            open_dicom(folder, policy=ReadPolicy(gaps="fill"))
        assert scan_dicom(folder)[0].verdict == "refused"
        assert tracemalloc.get_traced_memory()[1] < 20 << 20
    finally:
        tracemalloc.stop()
