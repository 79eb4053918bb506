"""A deflated data set (PS3.5 A.5): inflated only as far as what is asked for, never as far as it would go."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from hounsfield.core.errors import unreadable
from hounsfield.io.dicom.files.source import Source

HEAD = 1 << 20
"""A header is looked for in the first MiB that inflates; CT headers are a few KB."""

_CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class DeflatedSource:
    """The inflated bytes of a source from `start` on; `size` is the most that may be asked for: none is declared."""

    packed: Source
    start: int
    size: int = 1 << 40

    @property
    def name(self) -> str:
        """The packed source's name."""
        return self.packed.name

    @property
    def ordinal(self) -> int:
        """The packed source's turn."""
        return self.packed.ordinal

    def read(self, start: int, count: int) -> bytes:
        """At most `count` inflated bytes from `start`; memory is bounded by it, whatever the file would inflate to."""
        stream, position, place = zlib.decompressobj(-zlib.MAX_WBITS), self.start, 0
        parts: list[bytes] = []
        while place < start + count and not stream.eof:
            packed = stream.unconsumed_tail or self.packed.read(position, _CHUNK)
            position += 0 if stream.unconsumed_tail else len(packed)
            if not packed:
                break
            try:
                data = stream.decompress(packed, min(_CHUNK, start + count - place))
            except zlib.error:
                raise unreadable(self.name, "the deflated data set is corrupt") from None
            parts.append(data[max(0, start - place) :])
            place += len(data)
        return b"".join(parts)
