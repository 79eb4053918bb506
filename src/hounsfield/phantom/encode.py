"""Encoding of pixels and data sets in the transfer syntaxes of CT."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from pydicom import Dataset

SYNTAXES = {
    "explicit": "1.2.840.10008.1.2.1",
    "implicit": "1.2.840.10008.1.2",
    "big-endian": "1.2.840.10008.1.2.2",
    "deflated": "1.2.840.10008.1.2.1.99",
    "rle": "1.2.840.10008.1.2.5",
    "jpeg-lossless": "1.2.840.10008.1.2.4.70",
    "jpeg-ls": "1.2.840.10008.1.2.4.80",
    "jpeg-2000": "1.2.840.10008.1.2.4.90",
    "htj2k": "1.2.840.10008.1.2.4.201",
}
"""Transfer syntax UIDs, PS3.5 section 10 and annex A."""

PREAMBLE_BYTES = 132
"""128 bytes and 'DICM', PS3.10 section 7.1."""

JPEG_LS_APP8 = 0xE8
"""Marker of a SPIFF header, which encoders may write and DICOM does not need."""


def encode_frame(stored: NDArray[Any], syntax: str, *, unsigned_codestream: bool = False) -> bytes:
    """Compress one frame of stored values (rows, columns), 16 bits, to an even number of bytes.

    JPEG lossless and JPEG-LS store signed values as unsigned bits (PS3.5 section 8.2);
    `unsigned_codestream` does so in JPEG 2000 as well, which contradicts the header.
    """
    import imagecodecs

    frame = np.ascontiguousarray(stored)
    bits = frame.view(np.uint16)
    if syntax == "rle":
        data = _rle(bits)
    elif syntax == "jpeg-lossless":
        data = bytes(imagecodecs.ljpeg_encode(bits))
    elif syntax == "jpeg-ls":
        data = _without_spiff(bytes(imagecodecs.jpegls_encode(bits)))
    elif syntax == "jpeg-2000":
        source = bits if unsigned_codestream else frame
        data = bytes(
            imagecodecs.jpeg2k_encode(
                source, level=0, codecformat="j2k", reversible=True, numthreads=1
            )
        )
    else:
        data = bytes(imagecodecs.htj2k_encode(frame, reversible=True))
    return data + b"\0" * (len(data) % 2)


def _rle(bits: NDArray[np.uint16]) -> bytes:
    """RLE (PS3.5 annex G): 16 header numbers, the high bytes, the low bytes, packed by row."""
    import imagecodecs

    planes = []
    for plane in (bits >> 8, bits & 0xFF):
        packed = b"".join(
            bytes(imagecodecs.packbits_encode(row.tobytes())) for row in plane.astype(np.uint8)
        )
        planes.append(packed + b"\0" * (len(packed) % 2))
    header = np.zeros(16, dtype="<u4")
    header[:3] = (2, 64, 64 + len(planes[0]))
    return header.tobytes() + b"".join(planes)


def _without_spiff(data: bytes) -> bytes:
    """A JPEG-LS stream without SPIFF segments, which some DICOM decoders do not accept."""
    start = 2
    while data[start] == 0xFF and data[start + 1] == JPEG_LS_APP8:
        start += 2 + int.from_bytes(data[start + 2 : start + 4], "big")
    return data[:2] + data[start:]


def set_pixels(
    dataset: Dataset, frames: NDArray[Any], syntax: str, *, unsigned_codestream: bool = False
) -> None:
    """Set the PixelData of `dataset` to `frames` (n, rows, columns), 16 bits."""
    if syntax in ("explicit", "implicit", "deflated", "big-endian"):
        stored = (
            frames.dtype.newbyteorder(">")
            if syntax == "big-endian"
            else frames.dtype.newbyteorder("<")
        )
        dataset.PixelData = frames.astype(stored).tobytes()
        dataset["PixelData"].VR = "OW"
        return
    from pydicom.encaps import encapsulate

    encoded = [
        encode_frame(frame, syntax, unsigned_codestream=unsigned_codestream) for frame in frames
    ]
    dataset.PixelData = encapsulate(encoded)
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True


def file_bytes(
    dataset: Dataset, syntax: str, *, no_preamble: bool = False, no_meta: bool = False
) -> bytes:
    """The file of `dataset`, optionally without the preamble or without all file meta information.

    The same data set gives the same bytes.
    """
    from pydicom import dcmwrite

    buffer = io.BytesIO()
    dcmwrite(
        buffer,
        dataset,
        enforce_file_format=True,
        implicit_vr=syntax == "implicit",
        little_endian=syntax != "big-endian",
    )
    data = buffer.getvalue()
    if no_meta:
        return data[meta_stop(data) :]
    return data[PREAMBLE_BYTES:] if no_preamble else data


def meta_stop(data: bytes) -> int:
    """The end of the file meta information, from its group length (0002,0000)."""
    return (
        PREAMBLE_BYTES
        + 12
        + int.from_bytes(data[PREAMBLE_BYTES + 8 : PREAMBLE_BYTES + 12], "little")
    )
