"""One thing that a look at a series found: a code, how grave it is, a sentence, the files and a figure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from hounsfield.core.errors import Problem
from hounsfield.io.dicom.frame import Frame

Grade = Literal["note", "repair", "refuse"]
SHOWN = 3
"""Files that a message names; the finding holds all of them."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found. `files` are (ordinal, name) pairs; `value` is the figure that matters (mm, degrees, counts)."""

    code: str
    grade: Grade
    message: str
    files: tuple[tuple[int, str], ...] = ()
    value: float | None = None

    def problem(self) -> Problem:
        """It as a Problem that names its first files."""
        names = [name for _, name in self.files]
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        return Problem(", ".join(names[:SHOWN]) + more, self.code, self.message)


def found(code: str, grade: Grade, message: str, *, frames: Iterable[Frame] = (),
          value: float | None = None) -> Finding:
    """A Finding about `frames`."""
    return Finding(code, grade, message, tuple((frame.source.ordinal, frame.name) for frame in frames), value)
