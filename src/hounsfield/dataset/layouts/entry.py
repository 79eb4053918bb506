"""What a table or data set states about its images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hounsfield.dataset.case import LabelSource, NoCase


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An image of a table or data set, and what is stated about it.

    `typed` is its path as the user would type it, `where` the line of a table; `patient` is a
    keyed hash.
    """

    path: Path
    typed: str
    where: str = ""
    id: str = ""
    labels: tuple[LabelSource, ...] = ()
    points: Path | None = None
    patient: str = ""
    split: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """The images of a table or data set, what cannot be used of it, and a note for the terminal."""

    entries: tuple[Entry, ...]
    problems: tuple[NoCase, ...] = ()
    notes: tuple[str, ...] = ()
