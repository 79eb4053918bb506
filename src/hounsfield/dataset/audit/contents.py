"""All bytes of an output, inflated and unpacked: compressed files, archives, databases, tables."""

from __future__ import annotations

import io
import lzma
import os
import re
import sqlite3
import struct
import zlib
from collections.abc import Iterator
from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO, cast
from urllib.parse import quote

from isal import igzip, igzip_lib

from hounsfield.dataset.audit.piece import CHUNK_BYTES, Piece, cut
from hounsfield.dataset.audit.search import Content
from hounsfield.dataset.audit.spans import HEAD_BYTES, spans_of

MOST_LEVELS = 4
"""Files within files that are unpacked: a gzipped table in a zip in a page has three."""

ENDS_BYTES = 4096
"""Bytes at both ends of a compressed file, which may have a name, a comment, or an addition."""

LARGEST_INFLATED_TEXT = 16 << 20
"""Bytes of one text of a PNG, or of a zlib stream within text, that are inflated."""

_ZLIB = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")
_PACKED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0")
COMPRESSED = (*_ZLIB, *_PACKED, b"PK\3\4")
"""First bytes of what is inflated, however short it is."""

_INFLATE_ERROR: Any = igzip_lib.IsalError
BROKEN = (
    OSError, EOFError, ValueError, struct.error, zlib.error, lzma.LZMAError, _INFLATE_ERROR,
    NotImplementedError,
)  # fmt: skip
"""Errors of corrupt files."""


def pieces(
    stream: BinaryIO, *, path: Path | None = None, where: str = "", level: int = 0
) -> Iterator[Piece]:
    """Yield all bytes of a file, and what they decode to; `path` is that of a file on disk."""
    stream.seek(0)
    head = stream.read(HEAD_BYTES)
    if level < MOST_LEVELS and head.startswith(_PACKED):
        yield from _inflated(stream, head, where, level)
        return
    if path is None and head.startswith(_ZLIB):
        yield from _joined([_inflated_in(_whole(stream))], _inside(where, "zlib"), "bytes")
    elif level < MOST_LEVELS and head[:4] in (b"PK\3\4", b"PK\5\6"):
        yield from _zip(stream, where, level)
    elif level < MOST_LEVELS and head[257:262] == b"ustar":
        yield from _tar(stream, where, level)
    elif head[:16] == b"SQLite format 3\0" and path is not None:
        yield from _sqlite(path, where)
    elif head[:4] == b"PAR1":
        yield from _parquet(stream, where)
    elif head[:8] == b"\x89PNG\r\n\x1a\n":
        yield from _png_texts(stream, where)
    elif head[128:132] == b"DICM":
        yield from _deflated_dicom(stream, where)
    for span in spans_of(head, stream):
        yield from cut(stream, where, span)


def _whole(stream: BinaryIO) -> bytes:
    stream.seek(0)
    return stream.read(LARGEST_INFLATED_TEXT)


def _inside(where: str, name: str) -> str:
    return f"{where} > {name}" if where else name


def _inflated(stream: BinaryIO, head: bytes, where: str, level: int) -> Iterator[Piece]:
    """Yield the inflated file, and both ends as they are; all of it if it cannot be inflated."""
    size = stream.seek(0, os.SEEK_END)
    yield from cut(stream, where, ("bytes", 0, min(size, ENDS_BYTES)))
    yield from cut(stream, where, ("bytes", max(0, size - ENDS_BYTES), None))
    stream.seek(0)
    try:
        with opened(stream, head) as inflated:
            yield from pieces(inflated, where=_inside(where, "inflated"), level=level + 1)
    except BROKEN:
        yield from cut(stream, where, ("bytes", 0, None))


def opened(stream: BinaryIO, head: bytes) -> BinaryIO:
    import bz2

    if head[:2] == b"\x1f\x8b":
        return cast("BinaryIO", igzip.GzipFile(fileobj=stream, mode="rb"))
    opener: Any = bz2.BZ2File if head[:3] == b"BZh" else lzma.LZMAFile
    return cast("BinaryIO", opener(stream))


def _zip(stream: BinaryIO, where: str, level: int) -> Iterator[Piece]:
    import zipfile

    try:
        with zipfile.ZipFile(stream) as archive:
            yield Piece(where, "text", archive.comment)
            for number, member in enumerate(archive.infolist(), 1):
                inner = _inside(where, f"member {number}")
                yield Piece(inner, "name", member.filename.encode("utf-8", "surrogateescape"))
                yield Piece(inner, "text", member.comment + b"\n" + member.extra)
                with archive.open(member) as file:
                    yield from pieces(cast("BinaryIO", file), where=inner, level=level + 1)
    except (*BROKEN, zipfile.BadZipFile, RuntimeError):
        yield from cut(stream, where, ("bytes", 0, None))


def _tar(stream: BinaryIO, where: str, level: int) -> Iterator[Piece]:
    import tarfile

    stream.seek(0)
    try:
        with tarfile.open(fileobj=stream, mode="r:") as archive:
            for number, member in enumerate(archive, 1):
                inner = _inside(where, f"member {number}")
                names = [member.name, member.linkname, member.uname, member.gname]
                yield Piece(inner, "name", "\n".join(names).encode("utf-8", "surrogateescape"))
                file = archive.extractfile(member) if member.isfile() else None
                if file is not None:
                    yield from pieces(cast("BinaryIO", file), where=inner, level=level + 1)
    except (*BROKEN, tarfile.TarError):
        return


def _sqlite(path: Path, where: str) -> Iterator[Piece]:
    """Yield the rows of all tables as text; deleted rows are among the bytes of the file."""
    address = f"file:{quote(str(path.absolute()))}?immutable=1"
    try:
        with closing(sqlite3.connect(address, uri=True)) as connection:
            connection.text_factory = bytes
            names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            for number, (name,) in enumerate(names.fetchall(), 1):
                quoted = name.decode("utf-8", "replace").replace('"', '""')
                rows = connection.execute(f'SELECT * FROM "{quoted}"')
                yield from _rows(rows, _inside(where, f"table {number}"))
    except (sqlite3.Error, ValueError):
        return


def _rows(rows: Any, where: str) -> Iterator[Piece]:
    while some := rows.fetchmany(10_000):
        cells = [cell for row in some for cell in row if cell is not None]
        texts = [cell if isinstance(cell, bytes) else str(cell).encode() for cell in cells]
        yield from _joined(texts, where, "text")


def _joined(texts: list[bytes], where: str, content: Content) -> Iterator[Piece]:
    yield from cut(io.BytesIO(b"\n".join(texts)), where, (content, 0, None))


def _parquet(stream: BinaryIO, where: str) -> Iterator[Piece]:
    """Yield all columns as text, if pyarrow is installed; without it only the bytes of the file."""
    try:
        parquet: Any = import_module("pyarrow.parquet")
    except ImportError:
        return
    stream.seek(0)
    try:
        for batch in parquet.ParquetFile(stream).iter_batches():
            for column in batch.columns:
                texts = [str(cell).encode("utf-8", "surrogatepass") for cell in column.to_pylist()]
                yield from _joined(texts, _inside(where, "table"), "text")
    except BROKEN:  # errors of pyarrow are ValueError or OSError
        return


def _png_texts(stream: BinaryIO, where: str) -> Iterator[Piece]:
    """Yield the compressed chunks other than pixels, inflated (PNG, 2nd edition, section 11.3)."""
    position = 8
    stream.seek(position)
    while len(head := stream.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        if kind in (b"zTXt", b"iTXt", b"iCCP") and length < LARGEST_INFLATED_TEXT:
            data = stream.read(length)
            text = data[: data.find(b"\0")] + b"\n" + _inflated_in(data)
            yield from _joined([text], _inside(where, kind.decode()), "text")
        position += 12 + length
        stream.seek(position)


def _inflated_in(data: bytes) -> bytes:
    """Inflate the zlib stream after the keyword of a chunk."""
    for found in re.finditer(rb"\x78[\x01\x5e\x9c\xda]", data):
        try:
            return zlib.decompressobj().decompress(data[found.start() :], LARGEST_INFLATED_TEXT)
        except zlib.error:
            continue
    return b""


def _deflated_dicom(stream: BinaryIO, where: str) -> Iterator[Piece]:
    """Yield the data set of a deflated DICOM object, inflated."""
    stream.seek(132)
    meta = stream.read(LARGEST_META)
    if b"1.2.840.10008.1.2.1.99" not in meta or meta[:8] != b"\2\0\0\0UL\4\0":
        return
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    stream.seek(144 + struct.unpack_from("<I", meta, 8)[0])
    position = 0
    try:
        while data := stream.read(CHUNK_BYTES // 16):
            text = inflater.decompress(data)
            yield Piece(_inside(where, "inflated"), "bytes", text, position)
            position += len(text)
    except zlib.error:
        return


LARGEST_META = 4096
"""Bytes of the file meta information of a DICOM object that are looked through."""
