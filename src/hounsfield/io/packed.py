"""Open an output for writing, gzip or plain, whole or not at all; the same content gives the same bytes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from hounsfield.io.atomic import atomic

GZIP_LEVEL = 2
"""isal's level that its authors set for a balance: 47 MB of CT in 50 ms, a few percent larger than zlib's 6."""


@contextmanager
def writing(path: Path, *, is_packed: bool) -> Iterator[BinaryIO]:
    """A binary file that becomes `path` when the block ends well; gzip, nameless and of time 0, if `is_packed`."""
    with atomic(path) as temporary, temporary.open("r+b") as file:
        if not is_packed:
            yield file
            return
        with packing(file) as stream:
            yield stream


@contextmanager
def packing(file: BinaryIO) -> Iterator[BinaryIO]:
    """A gzip stream into `file`, without a name and with time 0."""
    from isal import igzip

    with igzip.IGzipFile(filename="", mode="wb", compresslevel=GZIP_LEVEL, fileobj=file, mtime=0) as stream:
        yield cast("BinaryIO", stream)
