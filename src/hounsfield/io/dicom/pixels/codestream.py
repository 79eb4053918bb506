"""Read size, depth and sign from the header of a JPEG, JPEG-LS or JPEG 2000 codestream."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hounsfield.core.errors import unreadable
from hounsfield.io.dicom.header.fragments import frame_head
from hounsfield.io.dicom.header.frame import Frame

_FRAMES = frozenset(
    {0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF, 0xF7}
)
"""Start-of-frame markers of ITU-T T.81 table B.1, and of T.87 for JPEG-LS."""

_SOF3 = 0xC3
"""Start of a lossless frame with Huffman coding (T.81 table B.1)."""


@dataclass(frozen=True, slots=True)
class Codestream:
    """Rows, columns, components, bits per sample, sign, and whether it is JPEG Lossless (SOF3)."""

    rows: int
    columns: int
    components: int
    bits: int
    signed: bool
    is_sof3: bool = False


def describe(data: bytes) -> Codestream | None:
    """The header of a codestream; None if it cannot be read."""
    if data[:4] == b"\xff\x4f\xff\x51":
        return _jpeg2000(data)
    if data[:12] == b"\0\0\0\x0cjP  \r\n\x87\n":
        start = data.find(b"\xff\x4f\xff\x51", 12, 4096)
        return _jpeg2000(data[start : start + 64]) if start > 0 else None
    return _jpeg(data) if data[:2] == b"\xff\xd8" else None


_END = b"\xff\xd9"
"""The end marker of JPEG and JPEG-LS (EOI) and of JPEG 2000 (EOC)."""


def without_padding(data: bytes) -> bytes | None:
    """The codestream up to its end marker, without padding by 00 or FF; None if it has none."""
    if data.endswith(_END):
        return data
    stream = data.rstrip(b"\0\xff")
    return stream if stream.endswith(_END) else None


def _jpeg(data: bytes) -> Codestream | None:
    position = 2
    while position + 10 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xFF:
            position += 1
            continue
        if marker in _FRAMES:
            rows, columns = (int.from_bytes(data[n : n + 2]) for n in (position + 5, position + 7))
            components, bits = data[position + 9], data[position + 4]
            return Codestream(rows, columns, components, bits, False, marker == _SOF3)
        position += 2 + max(2, int.from_bytes(data[position + 2 : position + 4]))
    return None


def _jpeg2000(data: bytes) -> Codestream | None:
    if len(data) < 43:
        return None
    right, bottom, left, top = (int.from_bytes(data[n : n + 4]) for n in (8, 12, 16, 20))
    components, depth = int.from_bytes(data[40:42]), data[42]
    return Codestream(
        bottom - top, right - left, components, (depth & 0x7F) + 1, bool(depth & 0x80)
    )


_SIGNED_CODECS = ("jpeg2000", "htj2k")


def with_codestream_signs(frames: Sequence[Frame]) -> tuple[Frame, ...]:
    """Mark frames as signed if their codestream is signed but their header is not."""
    return tuple(_with_codestream_sign(frame) for frame in frames)


def _with_codestream_sign(frame: Frame) -> Frame:
    form = frame.pixels
    if form is None or form.signed or form.codec not in _SIGNED_CODECS:
        return frame
    stream = describe(frame_head(frame))
    if stream is None:
        raise unreadable(frame.name, "codestream header of the compressed frame cannot be read")
    return replace(frame, pixels=replace(form, signed=True)) if stream.signed else frame
