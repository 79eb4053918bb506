"""Read the bytes of a file, decompressed if it is gzip, with all errors as ReadError."""

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
from hounsfield.io.bytes.source_file import SourceFile, changed_source

GZIP_MAGIC = b"\x1f\x8b"


@contextmanager
def reading(kind: str) -> Iterator[None]:
    """Convert errors of the operating system and decompressors to a ReadError for `kind`."""
    try:
        yield
    except HounsfieldError:
        raise
    except FileNotFoundError:
        raise MissingFileError(f"no such {kind} file") from None
    except PermissionError:
        raise ReadError(
            f"no permission to read the {kind} file; change its permissions or copy it"
        ) from None
    except IsADirectoryError:
        raise ReadError(f"expected a {kind} file, found a folder") from None
    except _decompressor_errors() as error:
        raise ReadError(
            f"{kind} file is corrupt or truncated ({_reason(error)}); copy it again"
        ) from None
    except OSError as error:
        raise ReadError(f"{kind} file cannot be read ({_reason(error)})") from None


def _decompressor_errors() -> tuple[type[Exception], ...]:
    """Errors of corrupt streams, evaluated on an error so that isal is imported only then."""
    from isal.igzip_lib import IsalError

    return (EOFError, zlib.error, BadGzipFile, cast("type[Exception]", IsalError))


def is_gzip(path: Path) -> bool:
    """Whether the file starts with the gzip magic number."""
    with path.open("rb") as file:
        return file.read(2) == GZIP_MAGIC


def head(path: Path, count: int) -> bytes:
    """The first `count` bytes of the content (or fewer), decompressed if the file is gzip."""
    with path.open("rb") as file:
        if file.read(2) != GZIP_MAGIC:
            file.seek(0)
            return file.read(count)
    from isal import igzip

    with igzip.IGzipFile(path, "rb") as stream:
        return bytes(stream.read(count))


def max_content_bytes(path: Path, codec: Codec) -> int:
    """The largest possible size of the decompressed content, bytes."""
    return path.stat().st_size * RATIO[codec]


def read_plain(file: SourceFile, *, offset: int, count: int) -> NDArray[np.uint8]:
    """`count` bytes from `offset`; raises ReadError if the file is truncated or has changed."""
    if file.size < offset + count:
        raise too_short(file.size - offset, count)
    values = np.empty(count, dtype=np.uint8)
    if file.read_into(values.data, offset) < count:
        raise changed_source()
    return values


def read_content(file: SourceFile, *, offset: int, count: int) -> NDArray[np.uint8]:
    """`count` bytes of the content of a gzip file from `offset`."""
    values = allocate(count, codec="gzip", packed=file.size)
    fill(values, file, codec="gzip", skip=offset)
    return values


def _reason(error: BaseException) -> str:
    """The error message of the system, without a path."""
    reason = error.strerror if isinstance(error, OSError) else None
    return str(reason or error or type(error).__name__).rstrip(".")
