"""An explicit little-endian DICOM file as a tree of elements to break so that it still parses."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from struct import pack, unpack_from

LONG = frozenset(
    {b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"SQ", b"UN", b"UC", b"UR", b"UT", b"SV", b"UV"}
)
UNDEFINED = 0xFFFFFFFF
ITEM, ITEM_STOP, SEQUENCE_STOP = (0xFFFE, 0xE000), (0xFFFE, 0xE00D), (0xFFFE, 0xE0DD)
PIXELS = (0x7FE0, 0x0010)


@dataclass
class Element:
    """Tag, VR, value or items.

    `length` replaces the true length; `endless` items are followed by delimiters.
    """

    tag: tuple[int, int]
    vr: bytes
    value: bytes = b""
    items: list[list[Element]] | None = None
    fragments: list[bytes] | None = None
    length: int | None = None
    endless: bool = False


@dataclass
class File:
    """The preamble, the meta header and the data set."""

    preamble: bytes
    meta: list[Element] = field(default_factory=list)
    data: list[Element] = field(default_factory=list)

    @classmethod
    def of(cls, content: bytes) -> File:
        elements = list(_elements(content, 132, len(content)))
        return cls(
            content[:132],
            [one for one in elements if one.tag[0] == 2],
            [one for one in elements if one.tag[0] != 2],
        )

    def everything(self) -> list[list[Element]]:
        """Every list of elements, the nested ones too."""
        found = [self.meta, self.data]
        for rows in found:
            found += [item for element in rows for item in element.items or ()]
        return found

    def find(self, tag: tuple[int, int]) -> Element | None:
        """The first element of a tag, anywhere."""
        return next((one for rows in self.everything() for one in rows if one.tag == tag), None)

    def content(self, *, implicit: bool = False) -> bytes:
        """The bytes of the file; the data set in implicit VR if so asked."""
        with _deep():
            return (
                self.preamble
                + _joined(self.meta, implicit=False)
                + _joined(self.data, implicit=implicit)
            )

    def parts(self) -> tuple[bytes, bytes]:
        """What comes before the data set, and the data set: for a deflated one."""
        with _deep():
            return self.preamble + _joined(self.meta, implicit=False), _joined(
                self.data, implicit=False
            )


def copied(element: Element) -> Element:
    """A copy that shares nothing."""
    with _deep():
        return deepcopy(element)


@contextmanager
def _deep() -> Iterator[None]:
    """A higher recursion limit while trees too deep for any reader are copied and written."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(20_000)
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def _elements(content: bytes, position: int, stop: int) -> Iterator[Element]:
    while position + 8 <= stop:
        element, position = _element(content, position)
        if element.tag in (ITEM_STOP, SEQUENCE_STOP):
            return
        yield element


def _element(content: bytes, position: int) -> tuple[Element, int]:
    group, number, vr = *unpack_from("<HH", content, position), content[position + 4 : position + 6]
    if group == 0xFFFE:
        return Element((group, number), b""), position + 8
    wide = vr in LONG
    length = unpack_from("<I" if wide else "<H", content, position + (8 if wide else 6))[0]
    start = position + (12 if wide else 8)
    element = Element((group, number), vr)
    if vr == b"SQ":
        element.items, position = _items(content, start, length)
        return element, position
    if length == UNDEFINED:
        element.fragments, position = _fragments(content, start)
        return element, position
    element.value = content[start : start + length]
    return element, start + length


def _items(content: bytes, position: int, length: int) -> tuple[list[list[Element]], int]:
    items: list[list[Element]] = []
    stop = len(content) if length == UNDEFINED else position + length
    while position < stop:
        group, number, size = unpack_from("<HHI", content, position)
        position += 8
        if (group, number) == SEQUENCE_STOP:
            break
        rows: list[Element] = []
        until = len(content) if size == UNDEFINED else position + size
        while position < until:
            element, position = _element(content, position)
            if element.tag == ITEM_STOP:
                break
            rows.append(element)
        items.append(rows)
    return items, position


def _fragments(content: bytes, position: int) -> tuple[list[bytes], int]:
    found: list[bytes] = []
    while True:
        group, number, size = unpack_from("<HHI", content, position)
        position += 8
        if (group, number) != ITEM:
            return found, position
        found.append(content[position : position + size])
        position += size


def _joined(rows: list[Element], *, implicit: bool) -> bytes:
    return b"".join(_bytes(element, implicit=implicit) for element in rows)


def _bytes(element: Element, *, implicit: bool) -> bytes:
    body, length = element.value, len(element.value)
    if element.fragments is not None:
        marks = pack("<HHI", *SEQUENCE_STOP, 0)
        body, length = (
            b"".join(pack("<HHI", *ITEM, len(one)) + one for one in element.fragments) + marks,
            UNDEFINED,
        )
    elif element.items is not None:
        body = b"".join(
            _item(rows, endless=element.endless, implicit=implicit) for rows in element.items
        )
        body, length = (
            (body + pack("<HHI", *SEQUENCE_STOP, 0), UNDEFINED)
            if element.endless
            else (body, len(body))
        )
    length = length if element.length is None else element.length
    head = pack("<HH", *element.tag)
    if implicit:
        return head + pack("<I", length & UNDEFINED) + body
    if element.vr in LONG:
        return head + element.vr + b"\0\0" + pack("<I", length & UNDEFINED) + body
    return head + element.vr + pack("<H", length & 0xFFFF) + body


def _item(rows: list[Element], *, endless: bool, implicit: bool) -> bytes:
    body = _joined(rows, implicit=implicit)
    if endless:
        return pack("<HHI", *ITEM, UNDEFINED) + body + pack("<HHI", *ITEM_STOP, 0)
    return pack("<HHI", *ITEM, len(body)) + body
