"""A walk over a plain DICOM header: the bytes of the wanted attributes, and where the pixels lie (PS3.5 section 7).

It reads a few KB per file and copes with explicit and implicit headers of either byte order. What is not plain (a
sequence that matters, a length that leads nowhere) raises NotPlain, and pydicom reads the header instead.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from struct import Struct

from hounsfield.io.dicom import tags
from hounsfield.io.dicom.files.source import Source

WINDOW = 8192
"""Bytes read at once: a CT header without its private blocks is 2 to 6 KB."""

MAX_DEPTH = 64
"""Sequences nested deeper than this are an attack, not an image; real objects nest under 10 deep."""

MAX_ELEMENTS = 100_000
"""A header of more elements is refused, so that a hostile file cannot keep the walk busy."""

MAX_VALUE = 1 << 16
"""Wanted attributes are short; a longer one is not what it says."""

UNDEFINED = 0xFFFFFFFF
_LONG_VRS = frozenset(
    {b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"SQ", b"UN", b"UC", b"UR", b"UT", b"SV", b"UV"}
)
_VRS = _LONG_VRS | frozenset(
    {
        b"AE",
        b"AS",
        b"AT",
        b"CS",
        b"DA",
        b"DS",
        b"DT",
        b"FL",
        b"FD",
        b"IS",
        b"LO",
        b"LT",
        b"PN",
        b"SH",
        b"SL",
        b"SS",
        b"ST",
        b"TM",
        b"UI",
        b"UL",
        b"US",
    }
)
_SHORT_VRS = _VRS - _LONG_VRS
_SHORT = 512
"""A value of so few bytes is stepped over at once: it cannot hold MAX_DEPTH sequences."""

_ITEM, _ITEM_STOP, _SEQUENCE_STOP = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_PIXELS = frozenset({tags.PIXEL_DATA, tags.FLOAT_PIXEL_DATA, tags.DOUBLE_PIXEL_DATA})
_LEVEL = 16
"""The fewest bytes that one more level of nesting takes: the heads of a sequence and of its item."""


class NotPlain(Exception):
    """A header that the walk does not understand; pydicom may."""


class NestedTooDeep(Exception):
    """Sequences nested deeper than MAX_DEPTH."""


@dataclass(slots=True)
class Walked:
    """What a walk found: raw values by tag, the syntax, and the place and length of the pixel data (None: none)."""

    values: dict[int, bytes]
    syntax: str
    explicit: bool
    little: bool
    pixel_tag: int = 0
    pixel_offset: int | None = None
    pixel_length: int = 0
    assumed: tuple[str, ...] = ()
    sequences: frozenset[int] = field(default_factory=frozenset)


@dataclass(slots=True)
class _Reader:
    """The source through one moving window, in one encoding."""

    source: Source
    explicit: bool = True
    little: bool = True
    data: bytes = b""
    base: int = 0
    left: int = MAX_ELEMENTS
    short: Struct = field(default=Struct("<HH2sH"))
    long: Struct = field(default=Struct("<HHI"))
    word: Struct = field(default=Struct("<I"))

    def encode(self, *, explicit: bool, little: bool) -> None:
        """Read on in another encoding."""
        sign = "<" if little else ">"
        self.explicit, self.little = explicit, little
        self.short, self.long, self.word = (
            Struct(sign + "HH2sH"),
            Struct(sign + "HHI"),
            Struct(sign + "I"),
        )

    def need(self, position: int, count: int) -> int:
        """Bring `count` bytes at `position` into the window; returns their index there; raises NotPlain at the end."""
        index = position - self.base
        if index < 0 or index + count > len(self.data):
            self.data, self.base, index = (
                self.source.read(position, max(WINDOW, count)),
                position,
                0,
            )
            if len(self.data) < count:
                raise NotPlain("the header stops before it is complete")
        return index

    def element(self, position: int) -> tuple[int, bytes, int, int]:
        """Tag, VR (b'' when implicit), length and the position of the value of the element at `position`."""
        self.left -= 1
        if self.left < 0:
            raise NotPlain("the header has too many elements")
        index = self.need(position, 8)
        if not self.explicit:
            group, number, length = self.long.unpack_from(self.data, index)
            return group << 16 | number, b"", length, position + 8
        group, number, vr, short = self.short.unpack_from(self.data, index)
        if group == 0xFFFE:
            return (
                group << 16 | number,
                b"",
                self.word.unpack_from(self.data, index + 4)[0],
                position + 8,
            )
        if vr in _LONG_VRS:
            index = self.need(position, 12)
            return (
                group << 16 | number,
                vr,
                self.word.unpack_from(self.data, index + 8)[0],
                position + 12,
            )
        if vr not in _VRS:
            raise NotPlain("a value representation that does not exist")
        return group << 16 | number, vr, short, position + 8


def walk(source: Source) -> Walked:
    """Walk over the header of `source`; raises NotPlain, NestedTooDeep or ReadError."""
    reader = _Reader(source)
    values: dict[int, bytes] = {}
    assumed: tuple[str, ...] = ()
    position = _start(reader)
    if position is None:
        raise NotPlain("no DICOM header at its beginning")
    position = _meta(reader, position, values)
    syntax = values.get(tags.TRANSFER_SYNTAX, b"").rstrip(b"\0 ").decode("ascii", "replace")
    if not syntax:
        syntax, assumed = _guess(reader, position), ("transfer syntax",)
    if syntax == tags.DEFLATED:
        raise NotPlain("deflated")
    reader.encode(explicit=syntax != tags.IMPLICIT_LITTLE, little=syntax != tags.EXPLICIT_BIG)
    found = Walked(values, syntax, reader.explicit, reader.little, assumed=assumed)
    _elements(reader, position, found)
    return found


def walk_dataset(source: Source, *, syntax: str) -> Walked:
    """Walk over a data set without preamble and meta header, in `syntax`; raises NotPlain or NestedTooDeep."""
    reader = _Reader(source)
    reader.encode(explicit=syntax != tags.IMPLICIT_LITTLE, little=syntax != tags.EXPLICIT_BIG)
    found = Walked({}, syntax, reader.explicit, reader.little)
    _elements(reader, 0, found)
    return found


def meta_length(source: Source) -> tuple[int, str]:
    """Where the meta header stops, and the transfer syntax that it names; raises NotPlain."""
    reader = _Reader(source)
    values: dict[int, bytes] = {}
    position = _start(reader)
    if position is None:
        raise NotPlain("no DICOM header at its beginning")
    position = _meta(reader, position, values)
    return position, values.get(tags.TRANSFER_SYNTAX, b"").rstrip(b"\0 ").decode("ascii", "replace")


def looks_like_dicom(head: bytes) -> bool:
    """Whether the first 132 bytes are DICOM's: 'DICM' after a preamble, or an element of group 2 or 8 at once."""
    if head[128:132] == b"DICM":
        return True
    if head[:4] in (b"\x02\0\0\0", b"\x02\0\1\0", b"\x02\0\2\0", b"\x02\0\x10\0"):
        return head[4:6] in _VRS
    little = head[:2] == b"\x08\0" and head[3:4] == b"\0"
    big = head[:2] == b"\0\x08" and head[2:3] == b"\0" and head[4:6] in _VRS
    return big or (
        little
        and (head[4:6] in _VRS or (len(head) >= 8 and head[6:8] == b"\0\0" and head[5:6] == b"\0"))
    )


def _start(reader: _Reader) -> int | None:
    head = reader.source.read(0, WINDOW)
    reader.data, reader.base = head, 0
    if head[128:132] == b"DICM":
        return 132
    return 0 if looks_like_dicom(head[:132]) else None


def _meta(reader: _Reader, position: int, values: dict[int, bytes]) -> int:
    size = reader.source.size
    while position + 8 <= size:
        index = reader.need(position, 8)
        if reader.data[index : index + 2] != b"\x02\0":
            break
        tag, _, length, start = reader.element(position)
        if length > MAX_VALUE:
            raise NotPlain("a meta element of an impossible length")
        if tag in tags.WANTED:
            index = reader.need(start, length)
            values[tag] = reader.data[index : index + length]
        position = start + length
    return position


def _guess(reader: _Reader, position: int) -> str:
    index = reader.need(position, 8)
    if reader.data[index + 4 : index + 6] in _VRS:
        return (
            tags.EXPLICIT_BIG if reader.data[index : index + 1] == b"\0" else tags.EXPLICIT_LITTLE
        )
    return tags.IMPLICIT_LITTLE


def _elements(reader: _Reader, position: int, found: Walked) -> None:
    """The elements of the data set itself: this loop is what a folder's scan_headers costs."""
    size, values, wanted = reader.source.size, found.values, tags.WANTED
    while position + 8 <= size:
        position = _short_elements(reader, position, values)
        if position + 8 > size:
            break
        tag, vr, length, start = reader.element(position)
        if tag in _PIXELS:
            found.pixel_tag, found.pixel_offset, found.pixel_length = tag, start, length
            return
        if tag in tags.SEQUENCES and length:
            found.sequences |= {tag}
        if length == UNDEFINED:
            position = _skip(reader, start, length, depth=1, implicit=vr == b"UN")
            continue
        if start + length > size:
            raise NotPlain("an element longer than the file")
        if tag in wanted and length <= MAX_VALUE:
            index = reader.need(start, length)
            values[tag] = reader.data[index : index + length]
        elif (
            length > _LEVEL * (MAX_DEPTH - 1)
            and vr in (b"SQ", b"", b"UN")
            and _is_item(reader, start)
        ):
            _skip(reader, start, length, depth=1, implicit=vr == b"UN")
        position = start + length
    if position < size:
        raise NotPlain("bytes after the last element")


def _short_elements(reader: _Reader, position: int, values: dict[int, bytes]) -> int:
    """Step over the short elements that lie whole in the window; returns the position of the first one that is not.

    What `_elements` does, without a call for each element: nine of ten are such, and they are the cost of a scan_headers.
    """
    data, index, explicit, wanted = (
        reader.data,
        position - reader.base,
        reader.explicit,
        tags.WANTED,
    )
    unpack, stop = (reader.short if explicit else reader.long).unpack_from, len(reader.data) - 8
    first = index
    while 0 <= index <= stop:
        if explicit:
            group, number, vr, length = unpack(data, index)
            if vr not in _SHORT_VRS:
                break
        else:
            group, number, length = unpack(data, index)
        tag, value = group << 16 | number, index + 8
        if (
            length > _SHORT
            or value + length > len(data)
            or tag in tags.SEQUENCES
            or tag in _PIXELS
            or group == 0xFFFE
        ):
            break
        if tag in wanted:
            values[tag] = data[value : value + length]
        index = value + length
        reader.left -= 1
    return position + index - first


def _is_item(reader: _Reader, position: int) -> bool:
    index = reader.need(position, 8)
    return reader.data[index : index + 4] == (
        b"\xfe\xff\0\xe0" if reader.little else b"\xff\xfe\xe0\0"
    )


def _skip(
    reader: _Reader, position: int, length: int, *, depth: int, implicit: bool = False
) -> int:
    """Step over a sequence's items; returns the position after it; raises NestedTooDeep."""
    if depth > MAX_DEPTH:
        raise NestedTooDeep
    explicit = reader.explicit
    if implicit:
        reader.encode(explicit=False, little=reader.little)
    stop = position + length if length != UNDEFINED else None
    while stop is None or position < stop:
        tag, _, size, start = reader.element(position)
        position = start
        if tag == _SEQUENCE_STOP:
            break
        if tag != _ITEM:
            raise NotPlain("something that is not an item in a sequence")
        position = _skip_item(reader, start, size, depth=depth)
    if implicit:
        reader.encode(explicit=explicit, little=reader.little)
    return position


def _skip_item(reader: _Reader, position: int, length: int, *, depth: int) -> int:
    shallow = _LEVEL * (MAX_DEPTH - depth)
    if length != UNDEFINED and length <= shallow:
        return position + length
    stop = position + length if length != UNDEFINED else None
    while stop is None or position < stop:
        tag, vr, size, start = reader.element(position)
        if tag == _ITEM_STOP:
            return start
        nests = size == UNDEFINED or (
            size > shallow - _LEVEL and vr in (b"SQ", b"", b"UN") and _is_item(reader, start)
        )
        position = (
            _skip(reader, start, size, depth=depth + 1, implicit=vr == b"UN")
            if nests
            else start + size
        )
    return position
