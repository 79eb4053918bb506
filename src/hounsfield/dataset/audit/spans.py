"""Where text and voxels are in a file: NIfTI, NRRD, npy, PNG and DICOM."""

from __future__ import annotations

import ast
import math
import re
import struct
from collections.abc import Callable
from typing import BinaryIO

from hounsfield.dataset.audit.piece import Span
from hounsfield.io.dicom import tags

HEAD_BYTES = 1024
"""Bytes that tell the format: NIfTI at 344, DICOM at 128, tar at 257."""

LONGEST_HEADER = 1 << 20
"""Bytes of the header of an NRRD or npy file that are looked through for its end."""

_NRRD_BYTES = {
    "char": 1, "uchar": 1, "int8": 1, "uint8": 1, "short": 2, "ushort": 2, "int16": 2,
    "uint16": 2, "int": 4, "uint": 4, "int32": 4, "uint32": 4, "float": 4, "double": 8,
    "int64": 8, "uint64": 8,
}  # fmt: skip


def spans_of(head: bytes, stream: BinaryIO) -> list[Span]:
    """Return the parts of a stream; one of unknown content if its format has no voxels."""
    for test, find in _FORMATS:
        if test(head):
            try:
                return find(stream)
            except (ValueError, SyntaxError, struct.error, KeyError, IndexError):
                break
    return [(None, 0, None)]


def _around(start: int, count: int) -> list[Span]:
    """Return a header, `count` bytes of voxels, and what follows them."""
    stop = start + count
    return [("text", 0, start), ("voxels", start, stop), ("text", stop, None)]


def _nifti(stream: BinaryIO) -> list[Span]:
    stream.seek(0)
    head = stream.read(HEAD_BYTES)
    order = "<" if head[:4] in (b"\x5c\1\0\0", b"\x1c\2\0\0") else ">"
    if struct.unpack_from(order + "i", head)[0] == 348:
        sizes = struct.unpack_from(order + "8h", head, 40)
        bits = struct.unpack_from(order + "h", head, 72)[0]
        start = int(struct.unpack_from(order + "f", head, 108)[0])
        is_single = head[344:347] == b"n+1"
    else:
        sizes = struct.unpack_from(order + "8q", head, 16)
        bits = struct.unpack_from(order + "h", head, 14)[0]
        start = struct.unpack_from(order + "q", head, 168)[0]
        is_single = head[4:7] == b"n+2"
    if not is_single:
        return [("text", 0, None)]
    return _around(max(start, 348), max(0, math.prod(sizes[1 : 1 + sizes[0]]) * bits // 8))


def _nrrd(stream: BinaryIO) -> list[Span]:
    stream.seek(0)
    text = stream.read(LONGEST_HEADER)
    end = re.search(rb"\r?\n\r?\n", text)
    if end is None:
        return [("text", 0, None)]
    fields = {
        key.strip().lower(): value.strip().lower()
        for key, value in re.findall(
            r"^([^:#\n]+): (.*)$", text[: end.start()].decode("latin-1"), re.M
        )
    }
    if fields["encoding"] != "raw":
        return [("text", 0, end.end()), ("voxels", end.end(), None)]
    count = math.prod(map(int, fields["sizes"].split())) * _NRRD_BYTES[fields["type"]]
    return _around(end.end(), count)


def _npy(stream: BinaryIO) -> list[Span]:
    stream.seek(0)
    head = stream.read(LONGEST_HEADER)
    start, code = (10, "<H") if head[6] == 1 else (12, "<I")
    start += struct.unpack_from(code, head, 8)[0]
    fields = ast.literal_eval(head[10 if head[6] == 1 else 12 : start].decode("latin-1"))
    found = re.fullmatch(r"[<>|=]([biufc?])(\d*)", fields["descr"])
    if found is None:  # text or objects
        return [("text", 0, start), ("bytes", start, None)]
    return _around(start, math.prod(fields["shape"]) * int(found[2] or 1))


def _png(stream: BinaryIO) -> list[Span]:
    """Return each chunk of pixels, and what is between them (PNG, 2nd edition, section 5.3)."""
    position, spans, kind = 8, [("text", 0, 8)], b""
    found: list[Span] = list(spans)  # type: ignore[arg-type]
    stream.seek(position)
    while kind != b"IEND" and len(head := stream.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        stop = position + 12 + length
        found.append(("voxels" if kind in (b"IDAT", b"zTXt", b"iCCP") else "text", position, stop))
        position = stop
        stream.seek(position)
    return [*found, ("text", position, None)]


def _dicom(stream: BinaryIO) -> list[Span]:
    import warnings

    import pydicom

    stream.seek(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            header = pydicom.dcmread(stream, stop_before_pixels=True)
        except Exception:  # pydicom raises many exception types for a corrupt object
            return [(None, 0, None)]
    if header.file_meta.get("TransferSyntaxUID") == tags.DEFLATED:
        return [(None, 0, None)]
    start = stream.tell()
    head = stream.read(12)
    is_explicit = header.original_encoding[0] is False
    size = struct.unpack_from("<I", head, 8 if is_explicit else 4)[0] if len(head) == 12 else 0
    if size == 0xFFFFFFFF:
        return [("text", 0, start), ("voxels", start, None)]
    return _around(start, min(len(head), 12 if is_explicit else 8) + size)


_FORMATS: tuple[tuple[Callable[[bytes], bool], Callable[[BinaryIO], list[Span]]], ...] = (
    (lambda head: head[128:132] == b"DICM", _dicom),
    (lambda head: head[344:347] in (b"n+1", b"ni1") or head[4:7] in (b"n+2", b"ni2"), _nifti),
    (lambda head: head[:4] == b"NRRD", _nrrd),
    (lambda head: head[:6] == b"\x93NUMPY", _npy),
    (lambda head: head[:8] == b"\x89PNG\r\n\x1a\n", _png),
)
