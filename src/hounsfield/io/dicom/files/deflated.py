"""Read a deflated data set (PS3.5 A.5) without inflating more than was requested."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from hounsfield.core.errors import unreadable
from hounsfield.io.dicom.files.source import Source

HEAD = 1 << 20
"""The header must be in the first inflated MiB; CT headers are a few KB."""

_CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class DeflatedSource:
    """The inflated bytes of a source from `start`; `size` is an upper bound, none is declared."""

    packed: Source
    start: int
    size: int = 1 << 40

    @property
    def name(self) -> str:
        """The name of the compressed source."""
        return self.packed.name

    @property
    def ordinal(self) -> int:
        """The ordinal of the compressed source."""
        return self.packed.ordinal

    def read(self, start: int, count: int) -> bytes:
        """At most `count` inflated bytes from `start`, in memory bounded by `count`."""
        stream, position, inflated = zlib.decompressobj(-zlib.MAX_WBITS), self.start, 0
        parts: list[bytes] = []
        while inflated < start + count and not stream.eof:
            packed = stream.unconsumed_tail or self.packed.read(position, _CHUNK)
            position += 0 if stream.unconsumed_tail else len(packed)
            if not packed:
                break
            try:
                data = stream.decompress(packed, min(_CHUNK, start + count - inflated))
            except zlib.error:
                raise unreadable(
                    self.name, "deflated data set is corrupt; copy the file again from the archive"
                ) from None
            parts.append(data[max(0, start - inflated) :])
            inflated += len(data)
        return b"".join(parts)
