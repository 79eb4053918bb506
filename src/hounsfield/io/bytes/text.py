"""A short text file, such as a pipeline, a record or a list: a plain file of bounded size, in UTF-8."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from hounsfield.core.errors import ReadError
from hounsfield.core.file_system import open_flags


def read_short_text(path: Path, *, largest_bytes: int) -> str:
    """The text of `path`; raises ReadError, which names it, where it is no plain file, is larger, or is no UTF-8.

    Nothing but a plain file is opened for reading: a pipe would never answer, and a device would never end.
    """
    try:
        handle = os.open(path, open_flags("O_RDONLY", "O_NONBLOCK"))
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise ReadError(f"{path}: is no plain file")
            data = file.read(largest_bytes + 1)
    except ReadError:
        raise
    except (OSError, ValueError) as error:
        raise ReadError(
            f"{path}: cannot be read ({getattr(error, 'strerror', None) or 'an impossible name'})"
        ) from None
    if len(data) > largest_bytes:
        raise ReadError(f"{path}: over {largest_bytes} bytes, which no such file has")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise ReadError(f"{path}: cannot be read (not UTF-8)") from None
