"""Byte sources of DICOM objects at a URL, of which only the ranges that are needed are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from hounsfield.io.bytes.remote import RemoteFile, RemoteFolder, read_heads, read_range
from hounsfield.io.dicom.files.source import printable

HEAD_BYTES = 8192
"""Bytes that are read of every file: a CT header without private blocks is 2 to 6 KB."""

MORE_BYTES = 65536
"""Bytes that are read at once beyond the first ones, since a request costs more than bytes."""


@dataclass(slots=True)
class RemoteSource:
    """A file at a URL; its first bytes are read together with those of the other files."""

    url: str
    path: str
    name: str
    ordinal: int
    size: int
    head: bytes = field(repr=False)
    _start: int = field(default=0, repr=False)
    _block: bytes = field(default=b"", repr=False)

    def read(self, start: int, count: int) -> bytes:
        """At most `count` bytes from `start`; raises ReadError."""
        stop = min(start + max(0, count), self.size)
        if stop <= len(self.head):
            return self.head[start:stop]
        if not self._start <= start <= stop <= self._start + len(self._block):
            self._start = start
            end = min(self.size, max(stop, start + MORE_BYTES))
            self._block = read_range(self.url, self.path, start, end)
        return self._block[start - self._start : stop - self._start]


def remote_sources(folder: RemoteFolder, files: Sequence[RemoteFile]) -> list[RemoteSource]:
    """The sources of files at a URL, in their order; raises ReadError."""
    heads = read_heads(folder.url, files, HEAD_BYTES)
    return [
        RemoteSource(folder.url, file.path, printable(folder.name(file)), n, file.size, head)
        for n, (file, head) in enumerate(zip(files, heads, strict=True))
    ]
