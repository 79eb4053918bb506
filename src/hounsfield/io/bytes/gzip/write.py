"""Write an output file atomically and reproducibly, gzip or plain."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

from hounsfield.io.bytes.atomic import atomic

GZIP_LEVEL = 2
"""isal's balanced level: 47 MB of CT in 50 ms, a few percent larger than zlib level 6."""


BLOCK_BYTES = 1 << 20
"""Bytes that are compressed at once. What isal finds to repeat depends on where its input is cut,
so that files of the same voxels would differ with the sizes of the slabs that are written."""


class Digest(Protocol):
    """A hash object of hashlib."""

    def update(self, data: Any, /) -> None:
        """Add bytes."""


class HashingFile:
    """A file that updates a hash with every byte written."""

    def __init__(self, file: BinaryIO, digest: Digest) -> None:
        self._file, self._digest = file, digest

    def write(self, data: Any) -> int:
        """Write `data` and update the hash."""
        self._digest.update(data)
        return self._file.write(data)

    def flush(self) -> None:
        """Flush the file."""
        self._file.flush()


@contextmanager
def open_output(path: Path, *, is_packed: bool, digest: Digest | None = None) -> Iterator[BinaryIO]:
    """A binary file that becomes `path` when the block succeeds; gzip if `is_packed`.

    The gzip header has no name and time 0. `digest` is updated with the bytes of the file.
    """
    with atomic(path) as temporary, temporary.open("r+b") as file:
        target = file if digest is None else cast("BinaryIO", HashingFile(file, digest))
        if not is_packed:
            yield target
            return
        with gzip_stream(target) as stream:
            yield stream


class _Blocks:
    """Writes to a stream in blocks of BLOCK_BYTES, whatever the sizes of what is written."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self._rest = stream, bytearray()

    def write(self, data: Any) -> int:
        """Write `data`; what does not fill a block waits."""
        view = memoryview(data).cast("B")
        start = 0
        if self._rest:
            start = min(len(view), BLOCK_BYTES - len(self._rest))
            self._rest += view[:start]
            if len(self._rest) == BLOCK_BYTES:
                self.end()
        whole = start + (len(view) - start) // BLOCK_BYTES * BLOCK_BYTES
        for first in range(start, whole, BLOCK_BYTES):
            self._stream.write(view[first : first + BLOCK_BYTES])
        self._rest += view[whole:]
        return len(view)

    def end(self) -> None:
        """Write what waits."""
        self._stream.write(self._rest)
        self._rest = bytearray()


@contextmanager
def gzip_stream(file: BinaryIO) -> Iterator[BinaryIO]:
    """A gzip stream to `file`, without a name and with time 0.

    Its bytes depend on what is written, not on how that is divided into writes.
    """
    from isal import igzip

    with igzip.IGzipFile(
        filename="", mode="wb", compresslevel=GZIP_LEVEL, fileobj=file, mtime=0
    ) as stream:
        blocks = _Blocks(cast("BinaryIO", stream))
        yield cast("BinaryIO", blocks)
        blocks.end()
