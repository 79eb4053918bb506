"""The bytes of a file, inflated where it is gzip: never more than a header declares, and all of them checked."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.errors import HounsfieldError, ReadError

GZIP_MAGIC = b"\x1f\x8b"

DEFLATE_RATIO = 1032
"""No deflate stream gives more than this many bytes for one of its own (zlib's technical notes, 'maximum compression
factor'): a header that declares more is wrong, and is refused before anything is allocated."""

TRAILING_BYTES = 1 << 20
"""Some writers pad the end of a file. This much is inflated after the declared voxels, to reach the CRC; more is not
padding."""

CHUNK_BYTES = 1 << 24
"""Bytes inflated per call: large enough to cost nothing, small enough to answer Ctrl-C."""


@contextmanager
def reading(kind: str) -> Iterator[None]:
    """Turn what the operating system and the decompressors raise into one ReadError about a `kind` of file."""
    try:
        yield
    except HounsfieldError:
        raise
    except FileNotFoundError:
        raise ReadError(f"there is no such {kind} file") from None
    except PermissionError:
        raise ReadError(f"the {kind} file may not be read: give yourself the permission, or copy it") from None
    except IsADirectoryError:
        raise ReadError(f"a {kind} file was expected, and this is a folder") from None
    except (EOFError, zlib.error) as error:
        raise ReadError(f"the {kind} file is corrupt or cut short ({_words(error)}): fetch it again") from None
    except OSError as error:
        raise ReadError(f"the {kind} file could not be read ({_words(error)})") from None


def is_gzip(path: Path) -> bool:
    """Whether the file begins as gzip does."""
    with path.open("rb") as file:
        return file.read(2) == GZIP_MAGIC


def head(path: Path, count: int) -> bytes:
    """The first `count` bytes of the content (fewer where there are fewer), inflated where the file is gzip."""
    with path.open("rb") as file:
        if file.read(2) != GZIP_MAGIC:
            file.seek(0)
            return file.read(count)
    from isal import igzip

    with igzip.IGzipFile(path, "rb") as stream:
        try:
            return bytes(stream.read(count))
        except EOFError:
            raise ReadError("the gzip file is cut short within its first bytes: fetch it again") from None


def content(path: Path, *, offset: int, count: int) -> NDArray[np.uint8]:
    """Bytes `offset` to `offset + count` of the content: memory-mapped, read-only, where the file is plain; inflated
    into a buffer of that size, its CRC checked to the end, where it is gzip.

    Raises ReadError where there are fewer bytes, or far more than was declared.
    """
    size = path.stat().st_size
    if is_gzip(path):
        return _inflated(path, offset=offset, count=count, packed=size)
    if size < offset + count:
        raise too_short(size - offset, count)
    if count == 0:
        return np.zeros(0, dtype=np.uint8)
    return np.memmap(path, dtype=np.uint8, mode="r", offset=offset, shape=(count,))


def too_short(found: int, declared: int) -> ReadError:
    """What is said of a file that holds fewer bytes of voxels than its header declares."""
    return ReadError(f"the file is cut short: its header declares {declared} bytes of voxels, and {max(found, 0)} are "
                     f"there; fetch it again")


def _inflated(path: Path, *, offset: int, count: int, packed: int) -> NDArray[np.uint8]:
    from isal import igzip

    if offset + count > packed * DEFLATE_RATIO:
        raise too_short(packed * DEFLATE_RATIO - offset, count)
    values = np.empty(count, dtype=np.uint8)
    view = memoryview(values.data)
    done = 0
    with igzip.IGzipFile(path, "rb") as stream:
        skipped = stream.read(offset)
        while done < count:
            got = stream.readinto(view[done:done + CHUNK_BYTES])
            if not got:
                raise too_short(done if len(skipped) == offset else 0, count)
            done += got
        # The CRC is checked at the end of the stream, which lies behind what was declared.
        if len(stream.read(TRAILING_BYTES)) == TRAILING_BYTES:
            raise ReadError(f"the file holds far more than the {count} bytes of voxels that its header declares")
    return values


def _words(error: BaseException) -> str:
    """The reason in the system's own words, without the path that they may end with."""
    reason = error.strerror if isinstance(error, OSError) else None
    return str(reason or error or type(error).__name__).rstrip(".")
