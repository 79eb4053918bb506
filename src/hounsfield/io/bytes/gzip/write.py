"""Open an output for writing, gzip or plain, whole or not at all; the same content gives the same bytes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

from hounsfield.io.bytes.atomic import atomic

GZIP_LEVEL = 2
"""isal's level that its authors set for a balance: 47 MB of CT in 50 ms, a few percent larger than zlib's 6."""


class Digest(Protocol):
    """What hashlib gives."""

    def update(self, data: Any, /) -> None:
        """Take bytes in."""


class HashingFile:
    """A file that tells a digest of every byte written to it, so that it need not be read again."""

    def __init__(self, file: BinaryIO, digest: Digest) -> None:
        self._file, self._digest = file, digest

    def write(self, data: Any) -> int:
        """Write `data` and take it into the digest."""
        self._digest.update(data)
        return self._file.write(data)

    def flush(self) -> None:
        """Flush the file."""
        self._file.flush()


@contextmanager
def writing(path: Path, *, is_packed: bool, digest: Digest | None = None) -> Iterator[BinaryIO]:
    """A binary file that becomes `path` when the block ends well; gzip, nameless and of time 0, if `is_packed`.

    `digest` is told the bytes that end up in the file.
    """
    with atomic(path) as temporary, temporary.open("r+b") as file:
        told = file if digest is None else cast("BinaryIO", HashingFile(file, digest))
        if not is_packed:
            yield told
            return
        with packing(told) as stream:
            yield stream


@contextmanager
def packing(file: BinaryIO) -> Iterator[BinaryIO]:
    """A gzip stream into `file`, without a name and with time 0."""
    from isal import igzip

    with igzip.IGzipFile(
        filename="", mode="wb", compresslevel=GZIP_LEVEL, fileobj=file, mtime=0
    ) as stream:
        yield cast("BinaryIO", stream)
