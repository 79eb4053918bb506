"""Find the data files of a detached header, which must be in the folder of the header."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from hounsfield.core.errors import ReadError, refused

FILES_AT_MOST = 65_536
"""Most data files of a header; no scan has so many slices."""

_NUMBERED = re.compile(r"%0?\d{0,2}[du]")


def data_file(header: Path, name: str) -> Path:
    """The data file `name` of the header, checked to be in the folder of the header.

    Symbolic links are resolved first. Raises RefusedError (OUTSIDE_FOLDER) if it is elsewhere,
    ReadError if it does not exist.
    """
    folder = header.parent.resolve()
    try:
        target = (folder / name).resolve()
    except (OSError, ValueError, RuntimeError):
        raise ReadError(
            "invalid data file name in the header; expected a file in its folder"
        ) from None
    if not target.is_relative_to(folder):
        raise refused(
            "OUTSIDE_FOLDER",
            "data file is outside the folder of its header; put both into one folder and use a "
            "name without a path",
        )
    if not target.is_file():
        raise ReadError("data file is missing; copy it into the folder of its header")
    return target


def numbered(pattern: str, first: int, last: int, step: int) -> Sequence[str]:
    """The names of a pattern such as 'slice%03d.raw', `first` to `last` inclusive."""
    if len(_NUMBERED.findall(pattern)) != 1 or pattern.count("%") != 1:
        raise ReadError(
            "invalid pattern of data files; expected a name with one number such as %03d"
        )
    if step == 0 or (last - first) * step < 0 or abs(last - first) // abs(step) >= FILES_AT_MOST:
        raise ReadError(f"invalid range of data files: {first} to {last} in steps of {step}")
    return [pattern % number for number in range(first, last + (1 if step > 0 else -1), step)]
