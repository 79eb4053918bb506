"""The bytes of a file, inflated where it is gzip, and one kind of error for all that can go wrong with them."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from gzip import BadGzipFile
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.errors import HounsfieldError, MissingFileError, ReadError
from hounsfield.io.bytes.gzip.bounded import RATIO, Codec, allocate, fill, too_short

GZIP_MAGIC = b"\x1f\x8b"


@contextmanager
def reading(kind: str) -> Iterator[None]:
    """Turn what the operating system and the decompressors raise into one ReadError about a `kind` of file."""
    try:
        yield
    except HounsfieldError:
        raise
    except FileNotFoundError:
        raise MissingFileError(f"no such {kind} file") from None
    except PermissionError:
        raise ReadError(
            f"the {kind} file may not be read: give yourself the permission, or copy it"
        ) from None
    except IsADirectoryError:
        raise ReadError(f"a {kind} file was expected, and this is a folder") from None
    except _decompressor_errors() as error:
        raise ReadError(
            f"the {kind} file is corrupt or cut short ({_words(error)}): fetch it again"
        ) from None
    except OSError as error:
        raise ReadError(f"the {kind} file could not be read ({_words(error)})") from None


def _decompressor_errors() -> tuple[type[Exception], ...]:
    """What a corrupt stream raises; asked only once something was raised, so that isal is not imported for nothing."""
    from isal.igzip_lib import IsalError

    return (EOFError, zlib.error, BadGzipFile, cast("type[Exception]", IsalError))


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
        return bytes(stream.read(count))


def room(path: Path, codec: Codec) -> int:
    """The most bytes that the file can hold; asked before anything is allocated."""
    return path.stat().st_size * RATIO[codec]


def mapped(path: Path, *, offset: int, count: int) -> NDArray[np.uint8]:
    """`count` bytes from `offset`, memory-mapped and read-only; raises ReadError where the file is shorter."""
    size = path.stat().st_size
    if size < offset + count:
        raise too_short(size - offset, count)
    return np.asarray(np.memmap(path, dtype=np.uint8, mode="r", offset=offset, shape=(count,)))


def content(path: Path, *, offset: int, count: int) -> NDArray[np.uint8]:
    """Bytes `offset` to `offset + count` of the content: mapped where the file is plain, inflated where it is gzip."""
    if not is_gzip(path):
        return mapped(path, offset=offset, count=count)
    values = allocate(count, codec="gzip", packed=path.stat().st_size)
    fill(values, path, codec="gzip", skip=offset)
    return values


def _words(error: BaseException) -> str:
    """The reason in the system's own words, without the path that they may end with."""
    reason = error.strerror if isinstance(error, OSError) else None
    return str(reason or error or type(error).__name__).rstrip(".")
