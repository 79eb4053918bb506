"""Cache the inflated bytes of a compressed stream, so that a thread inflates it once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from hounsfield.core.file_system import read_at, write_at
from hounsfield.io.bytes.temp_file import TempFile

_CHUNK = 1 << 20


class Stream(Protocol):
    """A decompressor that is read in order."""

    def read(self, count: int, /) -> bytes: ...


class InflatedOnce(threading.local):
    """The current stream of each thread; without it, every element read would inflate again."""

    def __init__(self) -> None:
        self._key: object = None
        self._stream: Stream | None = None
        self._cache: TempFile | None = None
        self._done = 0

    def read(self, key: object, opened: Callable[[], Stream], *, start: int, count: int) -> bytes:
        """At most `count` bytes from `start` of stream `key`, which `opened` opens on first use."""
        if self._key is not key or self._cache is None or self._stream is None:
            self._key = None
            self._stream, self._done = opened(), 0
            self._cache = TempFile()
            self._key = key
        try:
            while self._done < start + count and (
                data := self._stream.read(min(_CHUNK, start + count - self._done))
            ):
                while data:
                    written = write_at(self._cache.fileno(), data, self._done)
                    self._done, data = self._done + written, data[written:]
        except BaseException:
            self._key = None
            raise
        return read_at(self._cache.fileno(), max(0, min(count, self._done - start)), start)
