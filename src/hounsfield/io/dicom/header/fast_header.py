"""Parse a DICOM header fast: raw bytes of selected attributes and the pixel data offset (PS3.5 7).

It reads a few KB per file, in explicit or implicit VR and either byte order. A header that it
cannot parse raises HeaderError, and pydicom parses it instead.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from struct import Struct

from hounsfield.io.dicom import tags
from hounsfield.io.dicom.files.source import Source

WINDOW = 8192
"""Bytes read at once; a CT header without private blocks is 2 to 6 KB."""

MAX_DEPTH = 64
"""Deepest nesting of sequences; real objects nest less than 10 deep."""

MAX_ELEMENTS = 100_000
"""Most elements of a header, so that a malicious file cannot stall the parser."""

MAX_VALUE = 1 << 16
"""Longest value that is kept, bytes; selected attributes are short, a longer one is corrupt."""

UNDEFINED = 0xFFFFFFFF

IMPLICIT_META = "implicit VR of the file meta information"
"""What is assumed of a file whose meta information is not in explicit VR, as PS3.10 7.1 asks."""

OTHER_PRIVATE = "private"
"""The syntax of a file that names GE's private syntax, but is not written in it."""

_LONG_VRS = frozenset(
    {b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"SQ", b"UN", b"UC", b"UR", b"UT", b"SV", b"UV"}
)
_SHORT_VRS = frozenset(
    b"AE AS AT CS DA DS DT FL FD IS LO LT PN SH SL SS ST TM UI UL US".split(b" ")
)
_VRS = _LONG_VRS | _SHORT_VRS
_SHORT = 512
"""Values up to this length are skipped at once: they cannot contain MAX_DEPTH sequences."""

_ITEM, _ITEM_STOP, _SEQUENCE_STOP = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_PIXELS = frozenset({tags.PIXEL_DATA, tags.FLOAT_PIXEL_DATA, tags.DOUBLE_PIXEL_DATA})
_LEVEL = 16
"""Fewest bytes of one level of nesting: the headers of a sequence and of its item."""


class HeaderError(Exception):
    """The header cannot be parsed, or it is not a DICOM header."""


class NestedTooDeep(Exception):
    """Sequences nested deeper than MAX_DEPTH."""


@dataclass(slots=True)
class ParsedHeader:
    """Raw values by tag, the transfer syntax, and offset (None: none) and length of the pixels."""

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
    """A source read through a moving window, in one encoding."""

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
        """Continue in another encoding."""
        sign = "<" if little else ">"
        self.explicit, self.little = explicit, little
        self.short, self.long = Struct(sign + "HH2sH"), Struct(sign + "HHI")
        self.word = Struct(sign + "I")

    def need(self, position: int, count: int) -> int:
        """Load `count` bytes at `position` into the window and return their index in it."""
        index = position - self.base
        if index < 0 or index + count > len(self.data):
            self.data = self.source.read(position, max(WINDOW, count))
            self.base, index = position, 0
            if len(self.data) < count:
                raise HeaderError("header is truncated; copy the file again from the archive")
        return index

    def element(self, position: int) -> tuple[int, bytes, int, int]:
        """Tag, VR (b'' if implicit), value length and value position of an element."""
        self.left -= 1
        if self.left < 0:
            raise HeaderError("header has too many elements; expected a DICOM image")
        index = self.need(position, 8)
        if not self.explicit:
            group, number, length = self.long.unpack_from(self.data, index)
            return group << 16 | number, b"", length, position + 8
        group, number, vr, short = self.short.unpack_from(self.data, index)
        if group == 0xFFFE:
            length = self.word.unpack_from(self.data, index + 4)[0]
            return group << 16 | number, b"", length, position + 8
        if vr in _LONG_VRS:
            index = self.need(position, 12)
            length = self.word.unpack_from(self.data, index + 8)[0]
            return group << 16 | number, vr, length, position + 12
        if vr not in _VRS:
            raise HeaderError("unknown value representation; expected one of PS3.5 6.2")
        return group << 16 | number, vr, short, position + 8


def parse_header(source: Source) -> ParsedHeader:
    """Parse the header of `source`; raises HeaderError, NestedTooDeep or ReadError."""
    reader = _Reader(source)
    values: dict[int, bytes] = {}
    assumed: tuple[str, ...] = ()
    position = _start(reader)
    if position is None:
        raise HeaderError("file does not start with a DICOM header")
    position = _meta(reader, position, values)
    if not reader.explicit:
        assumed = (IMPLICIT_META,)
    syntax = _transfer_syntax(values)
    if not syntax:
        syntax, assumed = _guess_syntax(reader, position), (*assumed, "transfer syntax")
    if syntax == tags.DEFLATED:
        raise HeaderError("deflated")
    is_known = syntax in tags.CODECS and syntax != tags.GE_BIG_PIXELS
    encoding = syntax if is_known else _guess_syntax(reader, position)
    if syntax == tags.GE_BIG_PIXELS and encoding != tags.IMPLICIT_LITTLE:
        syntax = OTHER_PRIVATE
    reader.encode(explicit=encoding != tags.IMPLICIT_LITTLE, little=encoding != tags.EXPLICIT_BIG)
    header = ParsedHeader(values, syntax, reader.explicit, reader.little, assumed=assumed)
    _elements(reader, position, header)
    return header


def parse_dataset(source: Source, *, syntax: str) -> ParsedHeader:
    """Parse a data set in `syntax`, without file meta information; raises as parse_header."""
    reader = _Reader(source)
    reader.encode(explicit=syntax != tags.IMPLICIT_LITTLE, little=syntax != tags.EXPLICIT_BIG)
    header = ParsedHeader({}, syntax, reader.explicit, reader.little)
    _elements(reader, 0, header)
    return header


def meta_length(source: Source) -> tuple[int, str]:
    """Length of the file meta information and its transfer syntax; raises HeaderError."""
    reader = _Reader(source)
    values: dict[int, bytes] = {}
    position = _start(reader)
    if position is None:
        raise HeaderError("file does not start with a DICOM header")
    position = _meta(reader, position, values)
    return position, _transfer_syntax(values)


def _transfer_syntax(values: dict[int, bytes]) -> str:
    return values.get(tags.TRANSFER_SYNTAX, b"").rstrip(b"\0 ").decode("ascii", "replace")


def looks_like_dicom(head: bytes) -> bool:
    """Whether the first 132 bytes are DICOM: 'DICM', or an element of group 2 or 8 at the start."""
    if head[128:132] == b"DICM":
        return True
    if head[:4] in (b"\x02\0\0\0", b"\x02\0\1\0", b"\x02\0\2\0", b"\x02\0\x10\0"):
        return head[4:6] in _VRS or (head[5:8] == b"\0\0\0" and head[4] > 0)
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
    """Parse the file meta information: explicit VR (PS3.10 7.1), or implicit as some writers do."""
    size = reader.source.size
    if position + 8 <= size and _is_implicit(reader, position):
        reader.encode(explicit=False, little=True)
    while position + 8 <= size:
        index = reader.need(position, 8)
        if reader.data[index : index + 2] != b"\x02\0":
            break
        tag, _, length, start = reader.element(position)
        if length > MAX_VALUE:
            raise HeaderError("invalid length of a meta element; expected one within the file")
        if tag in tags.WANTED:
            index = reader.need(start, length)
            values[tag] = reader.data[index : index + length]
        position = start + length
    return position


def _is_implicit(reader: _Reader, position: int) -> bool:
    """Whether the element of group 2 at `position` has a length where its VR should be."""
    index = reader.need(position, 8)
    head = reader.data[index : index + 8]
    return head[:2] == b"\x02\0" and head[4:6] not in _VRS and head[6:] == b"\0\0"


def _guess_syntax(reader: _Reader, position: int) -> str:
    index = reader.need(position, 8)
    if reader.data[index + 4 : index + 6] in _VRS:
        return (
            tags.EXPLICIT_BIG if reader.data[index : index + 1] == b"\0" else tags.EXPLICIT_LITTLE
        )
    return tags.IMPLICIT_LITTLE


def _elements(reader: _Reader, position: int, header: ParsedHeader) -> None:
    """Parse the top-level elements; this loop dominates the time of a scan."""
    size, values, wanted = reader.source.size, header.values, tags.WANTED
    while position + 8 <= size:
        position = _short_elements(reader, position, values)
        if position + 8 > size:
            break
        tag, vr, length, start = reader.element(position)
        if tag in _PIXELS:
            header.pixel_tag, header.pixel_offset, header.pixel_length = tag, start, length
            return
        if tag in tags.SEQUENCES and length:
            header.sequences |= {tag}
        if length == UNDEFINED:
            position = _skip(reader, start, length, depth=1, implicit=vr == b"UN")
            continue
        if start + length > size:
            raise HeaderError("element is longer than the file")
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
        raise HeaderError("bytes remain after the last element; expected the end of the header")


def _short_elements(reader: _Reader, position: int, values: dict[int, bytes]) -> int:
    """Parse the short elements that are complete in the window; return the position after them.

    Equivalent to `_elements` without a call per element: nine of ten elements are short.
    """
    data, index = reader.data, position - reader.base
    explicit, wanted = reader.explicit, tags.WANTED
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
    """Skip the items of a sequence and return the position after it; raises NestedTooDeep."""
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
            raise HeaderError("sequence contains an element that is not an item")
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
