"""Read parts of a file that must not change after it was opened, without keeping it open."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import HounsfieldError, ReadError
from hounsfield.core.file_system import open_flags, read_into_at

Array = NDArray[Any]

BUFFER_BYTES = 1 << 20
"""Bytes that a reader of a stream reads at a time: opening the file takes 10 us."""


def changed_source() -> ReadError:
    """The error of a file that is another one than when it was opened."""
    message = "the file has changed since it was opened; open it again"
    return ReadError(Diagnostic("SOURCE_CHANGED", "refusal", message))


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file with the size and modification time (ns) that it had when it was opened."""

    path: Path
    size: int
    modified_ns: int

    @classmethod
    def of(cls, path: Path) -> SourceFile:
        """The file as of now; raises OSError if it does not exist."""
        status = os.stat(path)
        return cls(path, status.st_size, status.st_mtime_ns)

    def read_into(self, target: memoryview, start: int) -> int:
        """Fill `target` from byte `start` and return the number of bytes.

        Raises ReadError (SOURCE_CHANGED) if size or time differ from those at opening.
        """
        handle = os.open(self.path, open_flags("O_RDONLY"))
        try:
            self._check(handle)
            done = 0
            while done < len(target) and (got := read_into_at(handle, target[done:], start + done)):
                done += got
            if done < len(target):
                self._check(handle)
            return done
        finally:
            os.close(handle)

    def _check(self, handle: int) -> None:
        status = os.fstat(handle)
        if (status.st_size, status.st_mtime_ns) != (self.size, self.modified_ns):
            raise changed_source()

    def stream(self) -> io.BufferedReader:
        """The file as a stream that is open only while it reads."""
        return io.BufferedReader(_Reopened(self), BUFFER_BYTES)


class _Reopened(io.RawIOBase):
    """A position in a file, which each read opens and closes."""

    def __init__(self, file: SourceFile) -> None:
        self._file, self._position = file, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._file.size}
        self._position = base[whence] + offset
        return self._position

    def readinto(self, buffer: Any) -> int:
        got = self._file.read_into(memoryview(buffer).cast("B"), self._position)
        self._position += got
        return got


class PlainVoxels:
    """Uncompressed voxels (i, j, k) in a file, in Fortran order: an array that reads its slices.

    Slices of k are read when they are indexed, as new arrays; nothing stays open or mapped.
    """

    def __init__(
        self, file: SourceFile, *, offset: int, shape: tuple[int, ...], dtype: np.dtype[Any]
    ) -> None:
        self._file, self._offset, self.shape, self.dtype = file, offset, shape, dtype

    @property
    def size(self) -> int:
        """The number of voxels."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    def slices(self, start: int, stop: int) -> Array:
        """Slices start to stop (exclusive); raises ReadError if the file has changed."""
        out = np.empty((*self.shape[:2], stop - start), dtype=self.dtype, order="F")
        data = out.reshape(-1, order="F").view(np.uint8)
        each = data.size // (stop - start)
        try:
            done = self._file.read_into(data.data, self._offset + start * each)
        except HounsfieldError:
            raise
        except FileNotFoundError:
            raise changed_source() from None
        except OSError as error:
            raise ReadError(f"the file cannot be read ({error.strerror})") from None
        if done < data.size:
            raise changed_source()
        return out

    def __getitem__(self, key: tuple[slice, slice, slice]) -> Array:
        i, j, k = key
        start, stop, step = k.indices(self.shape[2])
        if step == 1:
            whole = self.slices(start, stop)
            return whole if (i, j) == (slice(None), slice(None)) else whole[i, j]
        parts = [self.slices(n, n + 1)[i, j] for n in range(start, stop, step)]
        return np.asfortranarray(np.concatenate(parts, axis=2))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.asarray(self.slices(0, self.shape[2]), dtype=dtype)


Voxels = Array | PlainVoxels
"""Voxels (i, j, k) in memory or in a file."""
