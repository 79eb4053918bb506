"""Byte sources of one DICOM object: a file, part of a file (a tar member), or memory."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from hounsfield.core.errors import HounsfieldError, unreadable
from hounsfield.core.file_system import open_flags, read_at, read_into_at


class OpenFile(Protocol):
    """An object that keeps a file open."""

    def fileno(self) -> int:
        """Its descriptor."""


class Source(Protocol):
    """Bytes with random access; `name` is relative to the user's path, `ordinal` an index."""

    @property
    def name(self) -> str: ...

    @property
    def ordinal(self) -> int: ...

    @property
    def size(self) -> int: ...

    def read(self, start: int, count: int) -> bytes:
        """At most `count` bytes from `start`; fewer at the end; raises ReadError."""


@dataclass(frozen=True, slots=True)
class FileSource:
    """A file, or `size` bytes of it from `offset`."""

    path: str
    name: str
    ordinal: int
    size: int
    offset: int = 0
    holder: OpenFile | None = field(default=None, repr=False, compare=False)
    """An unnamed open file that is read instead of `path`."""
    modified_ns: int | None = field(default=None, compare=False)
    """Modification time of `path` when it was listed; it is not checked if None."""

    def read(self, start: int, count: int) -> bytes:
        """At most `count` bytes from `start`; raises ReadError if the file has changed."""
        length = max(0, min(count, self.size - start))
        try:
            if self.holder is not None:
                return read_at(self.holder.fileno(), length, self.offset + start)
            handle = os.open(self.path, open_flags("O_RDONLY"))
            try:
                self._check(handle)
                return read_at(handle, length, self.offset + start)
            finally:
                os.close(handle)
        except HounsfieldError:
            raise
        except OSError as error:
            raise unreadable(self.name, f"cannot be read ({error.strerror})") from None

    def _check(self, handle: int) -> None:
        if self.modified_ns is not None and os.fstat(handle).st_mtime_ns != self.modified_ns:
            message = "the file has changed since it was opened; open it again"
            raise unreadable(self.name, message, code="SOURCE_CHANGED")

    def read_into(self, buffer: memoryview, start: int) -> int:
        """Fill `buffer` from `start` and return the number of bytes read; raises ReadError."""
        target = buffer[: max(0, self.size - start)]
        try:
            if self.holder is not None:
                return _fill(self.holder.fileno(), target, self.offset + start)
            handle = os.open(self.path, open_flags("O_RDONLY"))
            try:
                self._check(handle)
                return _fill(handle, target, self.offset + start)
            finally:
                os.close(handle)
        except HounsfieldError:
            raise
        except OSError as error:
            raise unreadable(self.name, f"cannot be read ({error.strerror})") from None


def _fill(handle: int, target: memoryview, position: int) -> int:
    done = 0
    while done < len(target) and (got := read_into_at(handle, target[done:], position + done)):
        done += got
    return done


@dataclass(frozen=True, slots=True)
class BytesSource:
    """Bytes in memory."""

    data: bytes = field(repr=False)
    name: str = ""
    ordinal: int = 0

    @property
    def size(self) -> int:
        """The number of bytes."""
        return len(self.data)

    def read(self, start: int, count: int) -> bytes:
        """At most `count` bytes from `start`."""
        return self.data[start : start + max(0, count)]


@dataclass(frozen=True, slots=True)
class OutsideSource:
    """A link that leads out of the searched folder; it is not followed."""

    name: str
    ordinal: int

    @property
    def size(self) -> int:
        """No bytes."""
        return 0

    def read(self, start: int, count: int) -> bytes:
        """Raise ReadError (OUTSIDE_FOLDER)."""
        raise unreadable(
            self.name,
            "a link leads out of the folder; name the file itself, or copy it into the folder",
            code="OUTSIDE_FOLDER",
        )


def printable(name: str) -> str:
    """A file name for a message: control characters are replaced by '?'."""
    return "".join(letter if letter.isprintable() else "?" for letter in name)


def file_source(path: Path, *, name: str = "", ordinal: int = 0) -> FileSource:
    """The source of a whole file; raises ReadError if it cannot be accessed."""
    try:
        status = os.stat(path)
        shown = printable(name or path.name)
        return FileSource(str(path), shown, ordinal, status.st_size, modified_ns=status.st_mtime_ns)
    except OSError as error:
        raise unreadable(
            printable(name or path.name), f"cannot be read ({error.strerror})"
        ) from None
