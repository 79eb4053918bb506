"""A temporary file without a name."""

from __future__ import annotations

import os
import tempfile
from typing import IO


class TempFile:
    """An unnamed temporary file that vanishes with the last source that reads from it."""

    def __init__(self) -> None:
        with tempfile.TemporaryFile(prefix="hounsfield-") as file:
            self._handle = os.dup(file.fileno())

    def fileno(self) -> int:
        """Its descriptor."""
        return self._handle

    def reader(self) -> IO[bytes]:
        """A file object of its own position, from the beginning."""
        file = os.fdopen(os.dup(self._handle), "r+b")
        file.seek(0)
        return file

    def __del__(self) -> None:
        os.close(self._handle)
