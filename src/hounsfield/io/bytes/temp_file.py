"""An unnamed temporary file that is deleted with its last reader."""

from __future__ import annotations

import os
import tempfile
from typing import IO


class TempFile:
    """An unnamed temporary file, deleted when the last reference to it is dropped."""

    def __init__(self) -> None:
        with tempfile.TemporaryFile(prefix="hounsfield-") as file:
            self._handle = os.dup(file.fileno())

    def fileno(self) -> int:
        """The file descriptor."""
        return self._handle

    def reader(self) -> IO[bytes]:
        """A new file object at the beginning, with its own position."""
        file = os.fdopen(os.dup(self._handle), "r+b")
        file.seek(0)
        return file

    def __del__(self) -> None:
        os.close(self._handle)
