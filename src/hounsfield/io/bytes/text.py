"""Read a short UTF-8 text file, such as a pipeline or a record, of bounded size."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from hounsfield.core.errors import ReadError, missing_file, unreadable
from hounsfield.core.file_system import open_flags


def read_short_text(path: Path, *, largest_bytes: int) -> str:
    """The text of `path`; raises ReadError if it is not a regular file, too large or not UTF-8.

    Pipes and devices are not read, since they may block or never end.
    """
    try:
        handle = os.open(path, open_flags("O_RDONLY", "O_NONBLOCK"))
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise unreadable(str(path), "not a regular file; expected a text file")
            data = file.read(largest_bytes + 1)
    except ReadError:
        raise
    except FileNotFoundError:
        raise missing_file(path) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "invalid file name"
        raise unreadable(str(path), f"cannot be read ({reason})") from None
    if len(data) > largest_bytes:
        raise unreadable(str(path), f"too large; expected at most {largest_bytes} bytes")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise unreadable(str(path), "cannot be read (not UTF-8)") from None
