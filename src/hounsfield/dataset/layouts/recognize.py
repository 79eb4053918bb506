"""Recognize a table or the layout of a data set by its own marks."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from hounsfield.core.display import counted
from hounsfield.core.errors import refused
from hounsfield.dataset.case import NoCase
from hounsfield.dataset.layouts.bids import is_bids, read_bids
from hounsfield.dataset.layouts.decathlon import is_decathlon, read_decathlon
from hounsfield.dataset.layouts.entry import Contents, Entry
from hounsfield.dataset.layouts.nnunet import is_nnunet, read_nnunet
from hounsfield.dataset.layouts.table import SUFFIXES, read_table
from hounsfield.io.bytes.search import leads_out

Layout = tuple[str, Callable[[Path], bool], Callable[[Path, str], Contents]]

LAYOUTS: tuple[Layout, ...] = (
    ("nnU-Net", is_nnunet, read_nnunet),
    ("decathlon", is_decathlon, read_decathlon),
    ("BIDS", is_bids, read_bids),
)
"""The names of the layouts, their marks, and their readers."""


def is_layout(folder: Path) -> bool:
    """Whether a folder has the marks of a data set."""
    return any(has_marks(folder) for _, has_marks, _ in LAYOUTS)


def read_layout(path: Path, typed: str) -> Contents | None:
    """Return the contents of a table or data set; None for any other path.

    Raises ReadError if it cannot be read, RefusedError if it has the marks of several layouts.
    """
    if path.name.lower().endswith(SUFFIXES) and os.path.isfile(path):
        return read_table(path, typed)
    if not os.path.isdir(path):
        return None
    found = [layout for layout in LAYOUTS if layout[1](path)]
    if len(found) > 1:
        names = " and ".join(name for name, _, _ in found)
        message = f"the folder has the marks of {names}; list its images in a CSV file"
        raise refused("AMBIGUOUS_LAYOUT", message)
    return _inside(path, typed, found[0][2](path, typed)) if found else None


def _inside(folder: Path, typed: str, contents: Contents) -> Contents:
    """Return the contents without the images and labels that links lead out of the folder to."""
    kept = tuple(entry for entry in contents.entries if not _leads_out(entry, folder))
    skipped = len(contents.entries) - len(kept)
    if not skipped:
        return contents
    message = (
        f"{counted(skipped, 'image')} skipped, of which the file or the label is a link out of the "
        "folder; list them in a CSV file"
    )
    problem = NoCase(typed=typed, code="OUTSIDE_FOLDER", message=message)
    return replace(contents, entries=kept, problems=(*contents.problems, problem))


def _leads_out(entry: Entry, folder: Path) -> bool:
    return any(leads_out(path, folder) for path in (entry.path, *(e.path for e in entry.labels)))
