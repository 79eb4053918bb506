"""The files that a header names: they must lie in its own folder, however they are written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from hounsfield.core.errors import ReadError, refused

FILES_AT_MOST = 65_536
"""More data files than slices that any scan has; a pattern that asks for more is wrong."""

_NUMBERED = re.compile(r"%0?\d{0,2}[du]")


def beside(header: Path, name: str) -> Path:
    """The file `name`, as the header at `header` writes it, once it is sure that it lies in the header's folder.

    Links are followed before it is compared. Raises RefusedError (OUTSIDE_FOLDER) where it lies elsewhere, ReadError where
    there is none.
    """
    folder = header.parent.resolve()
    try:
        target = (folder / name).resolve()
    except (OSError, ValueError, RuntimeError):
        raise ReadError("the header names a data file by a name that no file can have") from None
    if not target.is_relative_to(folder):
        raise refused(
            "OUTSIDE_FOLDER",
            "the header names a data file outside of its own folder, which is not read; put "
            "both into one folder and name it without a path",
        )
    if not target.is_file():
        raise ReadError(
            "the header names a data file that is not there: copy it into the header's folder"
        )
    return target


def numbered(pattern: str, first: int, last: int, step: int) -> Sequence[str]:
    """The names of a pattern such as 'slice%03d.raw' from `first` to `last` (inclusive); raises ReadError."""
    if len(_NUMBERED.findall(pattern)) != 1 or pattern.count("%") != 1:
        raise ReadError(
            "the header's pattern of data files is not a name with one number such as %03d in it"
        )
    if step == 0 or (last - first) * step < 0 or abs(last - first) // abs(step) >= FILES_AT_MOST:
        raise ReadError(
            f"the header's pattern of data files runs from {first} to {last} by {step}, which is no "
            "sequence"
        )
    return [pattern % number for number in range(first, last + (1 if step > 0 else -1), step)]
