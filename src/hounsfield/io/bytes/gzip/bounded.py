"""Decompress into a buffer of the declared size, and verify the checksum."""

from __future__ import annotations

import bz2
from pathlib import Path
from typing import Any, BinaryIO, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import ReadError
from hounsfield.io.bytes.source_file import SourceFile

Codec = Literal["raw", "gzip", "zlib", "bzip2"]

RATIO: dict[str, int] = {"raw": 1, "gzip": 1032, "zlib": 1032, "bzip2": 50_000}
"""Largest compression ratio: deflate 1032 (zlib's technical notes), bzip2 900,000 bytes from about
40. A header that declares more is invalid, and is refused before memory is allocated."""

TRAILING_BYTES = 1 << 20
"""Most bytes of padding after the declared voxels; they are decompressed to reach the checksum."""

CHUNK_BYTES = 1 << 24
"""Bytes decompressed per call, small enough to respond to Ctrl-C."""


class Stream(Protocol):
    """A decompressed stream that is read in order."""

    def read(self, count: int) -> bytes: ...

    def readinto(self, view: Any) -> int: ...


def allocate(count: int, *, codec: Codec, packed: int) -> NDArray[np.uint8]:
    """A buffer for `count` bytes; raises ReadError if `packed` bytes cannot contain so many."""
    if count > packed * RATIO[codec]:
        raise too_short(packed * RATIO[codec], count)
    try:
        return np.empty(count, dtype=np.uint8)
    except MemoryError:
        message = f"not enough memory for {count} bytes of voxels; use fewer workers"
        raise ReadError([Diagnostic("MEMORY", "refusal", message)]) from None


def fill(
    out: NDArray[np.uint8], source: SourceFile, *, codec: Codec, start: int = 0, skip: int = 0
) -> None:
    """Fill `out` from the stream at byte `start` of the file, without its first `skip` bytes.

    Raises ReadError if the file has changed, there are fewer bytes, or over TRAILING_BYTES more in
    a compressed stream; EOFError, zlib.error or OSError if the stream is corrupt (converted by
    `read.reading`).
    """
    with source.stream() as file:
        file.seek(start)
        stream = stream_of(file, codec)
        while skip > 0 and (left := len(stream.read(min(skip, CHUNK_BYTES)))):
            skip -= left
        view, done = memoryview(out.data), 0
        while done < len(out) and (got := stream.readinto(view[done : done + CHUNK_BYTES])):
            done += got
        if done < len(out):
            raise too_short(done, len(out))
        if codec != "raw":
            check_end(stream, len(out))


def too_short(found: int, declared: int) -> ReadError:
    """The error of a file with fewer bytes of voxels than its header declares."""
    return ReadError(
        f"file is truncated: header declares {declared} bytes of voxels, found at most "
        f"{max(found, 0)}; copy it again"
    )


def check_length(path: Path, *, start: int, count: int) -> None:
    """Raise ReadError if an uncompressed file does not end `count` bytes after `start`.

    In a longer file, the voxels may be at another offset than the header declares.
    """
    size = path.stat().st_size
    if size < start + count:
        raise too_short(size - start, count)
    if size > start + count:
        raise ReadError(
            f"file is {size - start - count} bytes longer than the {count} bytes of voxels that "
            "its header declares; their offset is ambiguous"
        )


def check_end(stream: Stream, count: int) -> None:
    """Read to the end of the stream, which verifies its checksum."""
    extra = 0
    while extra < TRAILING_BYTES and (got := len(stream.read(TRAILING_BYTES - extra))):
        extra += got
    if extra >= TRAILING_BYTES:
        raise ReadError(
            f"file contains far more than the {count} bytes of voxels that its header declares"
        )


def stream_of(file: BinaryIO, codec: Codec) -> Stream:
    """The decompressed content of a file from its current position."""
    if codec == "gzip":
        from isal import igzip

        return igzip.IGzipFile(fileobj=file, mode="rb")  # type: ignore[no-any-return]
    if codec == "bzip2":
        return bz2.BZ2File(file)
    return _Zlib(file) if codec == "zlib" else file  # type: ignore[return-value]


class _Zlib:
    """A zlib stream, as in MetaImage; the decompressor verifies its Adler-32."""

    def __init__(self, file: BinaryIO) -> None:
        from isal import isal_zlib

        self._file, self._inflater, self._waiting = file, isal_zlib.decompressobj(), b""

    def read(self, count: int) -> bytes:
        while not self._inflater.eof:
            packed = self._waiting or self._file.read(1 << 20)
            if not packed:
                raise EOFError("compressed stream has no end marker")
            data = self._inflater.decompress(packed, max_length=count)
            self._waiting = self._inflater.unconsumed_tail
            if data:
                return bytes(data)
        return b""

    def readinto(self, view: Any) -> int:
        data = self.read(min(len(view), 1 << 20))
        view[: len(data)] = data
        return len(data)
