"""Assign the fragments of encapsulated pixel data to frames (PS3.5 annex A.4)."""

from __future__ import annotations

from itertools import pairwise

from hounsfield.core.errors import ReadError, unreadable
from hounsfield.io.dicom.header.frame import Frame

_ITEM, _STOP = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"
MAX_FRAGMENTS = 100_000
"""Most fragments of an object; a frame rarely has over 20."""

ByteRange = tuple[int, int]


def fragments(frame: Frame) -> tuple[tuple[int, ...], tuple[ByteRange, ...]]:
    """The basic offset table and (position, length) of each fragment; raises ReadError."""
    source, position = frame.source, frame.offset
    assert position is not None
    found: list[ByteRange] = []
    while True:
        head = source.read(position, 8)
        if head[:4] == _STOP:
            break
        length = int.from_bytes(head[4:8], "little")
        if (
            len(head) < 8
            or head[:4] != _ITEM
            or position + 8 + length > source.size
            or len(found) > MAX_FRAGMENTS
        ):
            raise unreadable(
                source.name,
                f"compressed pixel data is truncated or corrupt at byte {position}; "
                "copy the file again from the archive",
            )
        found.append((position + 8, length))
        position += 8 + length
    if not found:
        raise unreadable(
            source.name, "compressed pixel data is empty; copy the file again from the archive"
        )
    table = source.read(*found[0])
    offsets = tuple(int.from_bytes(table[n : n + 4], "little") for n in range(0, len(table) - 3, 4))
    return offsets, tuple(found[1:])


def has_all_fragments(frame: Frame) -> bool:
    """Whether the fragments end with a sequence delimiter; reads a few bytes of each."""
    try:
        return len(fragments(frame)[1]) > 0
    except ReadError:
        return False


def frame_head(frame: Frame, count: int = 4096) -> bytes:
    """The first bytes of a frame's codestream; raises ReadError."""
    parts = frame.parts or fragments(frame)[1]
    if not parts:
        raise unreadable(frame.source.name, "compressed pixel data has no fragment")
    position, length = parts[0]
    return frame.source.read(position, min(count, length))


def fragments_by_frame(frame: Frame) -> tuple[tuple[ByteRange, ...], ...]:
    """The fragments of each frame of the object; raises ReadError if they cannot be assigned."""
    table, parts = fragments(frame)
    if len(parts) == frame.count:
        return tuple((part,) for part in parts)
    starts = _by_table(frame, table, parts) or _by_markers(frame, parts)
    if len(starts) != frame.count:
        raise unreadable(
            frame.source.name, f"{len(parts)} fragments cannot be assigned to {frame.count} frames"
        )
    return tuple(parts[start:stop] for start, stop in pairwise((*starts, len(parts))))


def frame_bytes(frame: Frame) -> bytes:
    """The codestream of one frame, its fragments joined; raises ReadError."""
    source = frame.source
    parts = frame.parts or fragments(frame)[1]
    if not parts:
        raise unreadable(source.name, "compressed pixel data has no fragment")
    data = b"".join(source.read(*part) for part in parts)
    if len(data) < sum(length for _, length in parts):
        raise unreadable(
            source.name, "compressed pixel data is truncated; copy the file again from the archive"
        )
    return data


def _by_table(frame: Frame, table: tuple[int, ...], parts: tuple[ByteRange, ...]) -> list[int]:
    """First fragment of each frame from the offset table; [] if it contradicts the fragments."""
    if len(table) != frame.count or not parts:
        return []
    base = parts[0][0]
    numbers = {position - base: number for number, (position, _) in enumerate(parts)}
    starts = [numbers.get(offset, -1) for offset in table]
    return starts if starts[0] == 0 and all(a < b for a, b in pairwise(starts)) else []


def _by_markers(frame: Frame, parts: tuple[ByteRange, ...]) -> list[int]:
    """First fragment of each frame from the start markers (SOI of JPEG, SOC of JPEG 2000)."""
    return [
        number
        for number, (position, _) in enumerate(parts)
        if frame.source.read(position, 3) in (b"\xff\xd8\xff", b"\xff\x4f\xff")
    ]
