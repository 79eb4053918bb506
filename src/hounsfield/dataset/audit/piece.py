"""Bytes of an output to search, and how files are cut into them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from hounsfield.dataset.audit.search import LONGEST_FORM, Content

CHUNK_BYTES = 4 << 20
"""Bytes of a file in memory; their decoded copies take a few times as many."""

TEXT_SAMPLE = 4096
"""Bytes at the start of a chunk that decide whether it is text."""

Span = tuple[Content | None, int, int | None]
"""Content, start and stop of a part of a stream; None for what the bytes look like, or the end."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes at an offset; the first `repeated` of them were in the piece before."""

    where: str
    content: Content
    data: bytes = field(repr=False)
    offset: int = 0
    repeated: int = 0


def cut(stream: BinaryIO, where: str, span: Span) -> Iterator[Piece]:
    """Yield the bytes of a span in overlapping pieces."""
    content, position, stop = span
    stream.seek(position)
    tail = b""
    while data := stream.read(CHUNK_BYTES if stop is None else min(CHUNK_BYTES, stop - position)):
        whole = tail + data
        yield Piece(where, content or content_of(data), whole, position - len(tail), len(tail))
        position += len(data)
        tail = whole[-LONGEST_FORM:]


def content_of(data: bytes) -> Content:
    """Return whether bytes are text in UTF-8 or UTF-16, or something else.

    >>> content_of("Bär".encode()), content_of(bytes(9)), content_of("Bär".encode("utf-16"))
    ('text', 'bytes', 'text')
    """
    sample = data[:TEXT_SAMPLE]
    if sample[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "text"
    try:
        sample.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(sample) - 4 or len(sample) < TEXT_SAMPLE:
            return "bytes"
    return "bytes" if b"\0" in sample else "text"
