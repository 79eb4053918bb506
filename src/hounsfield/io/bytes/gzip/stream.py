"""Stream the slices of a gzip file in order, without the whole content in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import ReadError
from hounsfield.core.volume import Array
from hounsfield.io.bytes.gzip.bounded import CHUNK_BYTES, Stream, check_end, stream_of, too_short
from hounsfield.io.bytes.gzip.read import reading
from hounsfield.io.bytes.process_lock import ProcessLock
from hounsfield.io.bytes.source_file import SourceFile

KEPT_IN_MEMORY_BYTES = 16 << 20
"""Voxels of up to this size are inflated at once and cached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GzipVoxels:
    """A gzip file and the offset of the voxels in its content."""

    file: SourceFile
    offset: int


class Sequential:
    """Slices (i, j, start to stop) of `dtype`, from a forward-only stream.

    The last slab is cached, as the next one may overlap it; an earlier slice restarts the stream.
    Slabs are read-only; the file is open only while it is read, and must not change.
    `finish` reads up to the checksum and returns the diagnostics of `check` on a sample of the
    voxels (stored values as `dtype`): every `stride`-th row and slice.
    """

    def __init__(
        self,
        packed: GzipVoxels,
        *,
        shape: tuple[int, int, int],
        stored: np.dtype[Any],
        dtype: np.dtype[Any],
        stride: int = 1,
        check: Callable[[Array], tuple[Diagnostic, ...]] | None = None,
    ) -> None:
        self._packed, self._shape, self._stored, self._dtype = packed, shape, stored, dtype
        self._stride, self._check = stride, check
        self._lock = ProcessLock()
        self._stream: Stream | None = None
        self._kept: tuple[int, Array] | None = None
        self._next = 0
        self._samples: list[Array] = []
        self._found: tuple[Diagnostic, ...] | None = None

    def slab(self, start: int, stop: int) -> Array:
        """Slices start to stop (exclusive) as (i, j, k), native byte order, Fortran order."""
        with self._locked():
            out = np.empty((*self._shape[:2], stop - start), dtype=self._dtype, order="F")
            done = self._from_kept(start, stop, out)
            if start + done < self._next or self._stream is None:
                self._rewind()
            self._skip(start + done)
            while start + done < stop:
                count = min(stop - start - done, max(1, CHUNK_BYTES // self._slice_bytes))
                out[:, :, done : done + count] = self._read(count)
                done += count
            out.setflags(write=False)
            self._kept = (start, out)
            return out

    def finish(self) -> tuple[Diagnostic, ...]:
        """Read to the end of the stream and return the diagnostics of `check`.

        Raises ReadError if the stream is truncated or its checksum is wrong, and errors of `check`.
        """
        with self._locked():
            if self._found is None or self._stream is not None:
                self._read_on()
                self._found = (
                    () if self._check is None else self._check(np.concatenate(self._samples))
                )
            self._close()
            self._samples = []
            return self._found

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Use the stream; after an error, or in a forked process, it starts again."""
        with self._lock, reading("NIfTI"):
            if self._lock.is_forked:
                self._lock.is_forked = False
                self._forget()
            try:
                yield
            except BaseException:
                self._forget()
                raise

    def _forget(self) -> None:
        self._close()
        self._kept, self._samples = None, []

    def _read_on(self) -> None:
        if self._stream is None:
            self._rewind()
        self._skip(self._shape[2])
        assert self._stream is not None
        check_end(self._stream, self._slice_bytes * self._shape[2])

    @property
    def _slice_bytes(self) -> int:
        return self._shape[0] * self._shape[1] * self._stored.itemsize

    def _from_kept(self, start: int, stop: int, out: Array) -> int:
        """Copy slices from the cached slab; returns their number."""
        if self._kept is None:
            return 0
        first, array = self._kept
        self._kept = None
        if not first <= start < first + array.shape[2]:
            return 0
        common = array[:, :, start - first : min(stop - first, array.shape[2])]
        out[:, :, : common.shape[2]] = common
        return int(common.shape[2])

    def _skip(self, to: int) -> None:
        while self._next < to:
            self._read(min(to - self._next, max(1, CHUNK_BYTES // self._slice_bytes)))

    def _read(self, count: int) -> Array:
        assert self._stream is not None
        raw = np.empty(count * self._slice_bytes, dtype=np.uint8)
        _fill(self._stream, raw)
        values = raw.view(self._stored).reshape((*self._shape[:2], count), order="F")
        if self._check is not None and len(self._samples) * self._stride <= self._next:
            chosen = [k for k in range(count) if (self._next + k) % self._stride == 0]
            self._samples += [
                values[:, :: self._stride, k].ravel(order="K").astype(self._dtype) for k in chosen
            ]
        self._next += count
        return values

    def _rewind(self) -> None:
        self._stream = stream_of(self._packed.file.stream(), "gzip")
        _fill(self._stream, np.empty(self._packed.offset, dtype=np.uint8))
        self._next = 0

    def _close(self) -> None:
        self._stream = None


def _fill(stream: Stream, out: Array) -> None:
    view, done = memoryview(out.data), 0
    while done < len(out) and (got := stream.readinto(view[done : done + CHUNK_BYTES])):
        done += got
    if done < len(out):
        error: ReadError = too_short(done, len(out))
        raise error
