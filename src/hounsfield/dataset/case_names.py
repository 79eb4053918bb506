"""Names of a case from its path: of its file, its folder, and patterns that combine them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from hounsfield.io.formats import without_suffix

_FIELD = re.compile(r"{([a-z]+)}")


def stem(path: Path) -> str:
    """Return the name of a file without its suffix, or of a folder."""
    name = _absolute(path).name
    if path.is_dir():
        return name
    shorter = without_suffix(name)
    return Path(name).stem if shorter == name else shorter


def parent(path: Path) -> str:
    """Return the name of the folder that contains a file or folder."""
    return _absolute(path).parent.name


def folder(path: Path, *, is_series: bool) -> str:
    """Return the name of the folder of an image: that of a DICOM series is `path` itself."""
    return _absolute(path).name if is_series and path.is_dir() else parent(path)


def fill(pattern: str, fields: Mapping[str, str]) -> str:
    """Replace each {name} that is a field; other braces are kept.

    >>> fill("labels/{stem}{x}.nii", {"stem": "a{stem}"})
    'labels/a{stem}{x}.nii'
    """
    return _FIELD.sub(lambda found: fields.get(found[1], found[0]), pattern)


def fields_in(pattern: str) -> set[str]:
    """Return the names of the fields of a pattern.

    >>> sorted(fields_in("{parent}-{stem}"))
    ['parent', 'stem']
    """
    return set(_FIELD.findall(pattern))


def as_typed(item: Path, root: Path, typed: str) -> str:
    """Return the path of a case in the form in which its source was typed."""
    return typed if item == root else os.path.join(typed, os.path.relpath(item, root))


def _absolute(path: Path) -> Path:
    """Return a path with the names of '.' and '..' but with its links."""
    return Path(os.path.abspath(path))
