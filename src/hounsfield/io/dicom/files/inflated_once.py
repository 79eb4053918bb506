"""What a thread reads out of a compressed stream: inflated once, as far as it was asked for, then read from there."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from hounsfield.core.file_system import read_at, write_at
from hounsfield.io.bytes.temp_file import TempFile

_CHUNK = 1 << 20


class Stream(Protocol):
    """What inflates, in order."""

    def read(self, count: int, /) -> bytes: ...


class InflatedOnce(threading.local):
    """The one stream that each thread reads now. A header's thousand elements would else inflate it a thousand times."""

    def __init__(self) -> None:
        self._key: object = None
        self._stream: Stream | None = None
        self._room: TempFile | None = None
        self._done = 0

    def read(self, key: object, opened: Callable[[], Stream], *, start: int, count: int) -> bytes:
        """At most `count` bytes from `start` of the stream of `key`, which `opened` opens; raises what that raises."""
        if self._key is not key or self._room is None or self._stream is None:
            self._key = None
            self._stream, self._done = opened(), 0
            self._room = TempFile()
            self._key = key
        try:
            while self._done < start + count and (
                data := self._stream.read(min(_CHUNK, start + count - self._done))
            ):
                while data:
                    written = write_at(self._room.fileno(), data, self._done)
                    self._done, data = self._done + written, data[written:]
        except BaseException:
            self._key = None
            raise
        return read_at(self._room.fileno(), max(0, min(count, self._done - start)), start)
