"""Inflate a compressed stream into a buffer of the declared size: never more, checksums checked to the end."""

from __future__ import annotations

import bz2
from pathlib import Path
from typing import Any, BinaryIO, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.errors import ReadError

Codec = Literal["raw", "gzip", "zlib", "bzip2"]

RATIO: dict[str, int] = {"raw": 1, "gzip": 1032, "zlib": 1032, "bzip2": 50_000}
"""No stream gives more than this many bytes for one of its own: deflate 1032 (zlib's technical notes), bzip2 900,000
for about 40. A header that declares more is wrong, and is refused before anything is allocated."""

TRAILING_BYTES = 1 << 20
"""Some writers pad the end of a file. This much is inflated after the declared voxels, to reach the checksum; more is
not padding."""

CHUNK_BYTES = 1 << 24
"""Bytes inflated per call: large enough to cost nothing, small enough to answer Ctrl-C."""


class Stream(Protocol):
    """What inflates: bytes in order, until there are no more."""

    def read(self, count: int) -> bytes: ...

    def readinto(self, view: Any) -> int: ...


def allocate(count: int, *, codec: Codec, packed: int) -> NDArray[np.uint8]:
    """A buffer for `count` bytes that `packed` bytes of a `codec` may hold; raises ReadError where they cannot."""
    if count > packed * RATIO[codec]:
        raise too_short(packed * RATIO[codec], count)
    try:
        return np.empty(count, dtype=np.uint8)
    except MemoryError:
        raise ReadError(f"the voxels take {count} bytes, and there is not so much memory") from None


def fill(
    out: NDArray[np.uint8], path: Path, *, codec: Codec, start: int = 0, skip: int = 0
) -> None:
    """Fill `out` from the stream that begins at byte `start` of the file, leaving out its first `skip` bytes.

    Raises ReadError where there are fewer bytes, or over TRAILING_BYTES more in a compressed stream; EOFError,
    zlib.error or OSError where the stream is corrupt (`content.reading` words them).
    """
    with path.open("rb") as file:
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
    """What is said of a file that holds fewer bytes of voxels than its header declares."""
    return ReadError(
        f"the file is cut short: its header declares {declared} bytes of voxels, and it holds at most "
        f"{max(found, 0)}; fetch it again"
    )


def check_length(path: Path, *, start: int, count: int) -> None:
    """Raise ReadError where a plain file does not end with the `count` bytes from `start`: one that is longer holds
    something that its header does not speak of, and what is read may be shifted by it."""
    size = path.stat().st_size
    if size < start + count:
        raise too_short(size - start, count)
    if size > start + count:
        raise ReadError(
            f"the file is {size - start - count} bytes longer than the {count} bytes of voxels that its "
            f"header declares, so they may lie elsewhere in it"
        )


def check_end(stream: Stream, count: int) -> None:
    """Read on to the checksum, which lies behind what was declared."""
    extra = 0
    while extra < TRAILING_BYTES and (got := len(stream.read(TRAILING_BYTES - extra))):
        extra += got
    if extra >= TRAILING_BYTES:
        raise ReadError(
            f"the file holds far more than the {count} bytes of voxels that its header declares"
        )


def stream_of(file: BinaryIO, codec: Codec) -> Stream:
    """The inflated content of a file from where it stands."""
    if codec == "gzip":
        from isal import igzip

        return igzip.IGzipFile(fileobj=file, mode="rb")  # type: ignore[no-any-return]
    if codec == "bzip2":
        return bz2.BZ2File(file)
    return _Zlib(file) if codec == "zlib" else file  # type: ignore[return-value]


class _Zlib:
    """A zlib stream as MetaImage has it; its Adler-32 is checked by the decompressor at its end."""

    def __init__(self, file: BinaryIO) -> None:
        from isal import isal_zlib

        self._file, self._inflater, self._waiting = file, isal_zlib.decompressobj(), b""

    def read(self, count: int) -> bytes:
        while not self._inflater.eof:
            packed = self._waiting or self._file.read(1 << 20)
            if not packed:
                raise EOFError("the compressed stream ends before its end marker")
            data = self._inflater.decompress(packed, max_length=count)
            self._waiting = self._inflater.unconsumed_tail
            if data:
                return bytes(data)
        return b""

    def readinto(self, view: Any) -> int:
        data = self.read(min(len(view), 1 << 20))
        view[: len(data)] = data
        return len(data)
