"""Expand the sources of the command line: paths, glob patterns and @files that list them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from hounsfield.core.errors import ReadError, check_path
from hounsfield.io.bytes.remote import url_of
from hounsfield.io.bytes.text import read_short_text

LONGEST_LIST_BYTES = 64 << 20
"""The largest list of paths; a million paths of 60 characters fit."""


def expand_sources(arguments: Sequence[str]) -> list[str]:
    """Expand glob patterns (`*`, `?`, `[`, `**`), sorted, and `@list.txt` line by line.

    An existing path is never a pattern, and `**` does not follow links to folders. In a list, empty
    lines and lines that begin with # or @ are skipped, and relative paths are relative to the
    working directory. Raises ReadError if a list cannot be read.
    """
    result: list[str] = []
    for argument in arguments:
        if argument.startswith("@") and not os.path.exists(argument):
            result += expand_sources(_read_list(Path(argument[1:])))
        else:
            result += _matches(argument)
    return list(dict.fromkeys(result))


def _matches(argument: str) -> list[str]:
    check_path(argument)
    if (
        url_of(argument)
        or os.path.exists(argument)
        or not any(letter in argument for letter in "*?[")
    ):
        return [argument]
    import glob

    found = glob.glob(argument, recursive=True)
    if "**" in argument:
        found = [each for each in found if not _is_below_link(each, argument)]
    return sorted(found) or [argument]


def _is_below_link(match: str, pattern: str) -> bool:
    """Whether a folder that `**` matched is a link."""
    fixed = pattern.partition("**")[0].count(os.sep)
    parts = match.split(os.sep)
    return any(os.path.islink(os.sep.join(parts[:count])) for count in range(fixed + 1, len(parts)))


def _read_list(path: Path) -> list[str]:
    try:
        lines = read_short_text(path, largest_bytes=LONGEST_LIST_BYTES).splitlines()
    except ReadError as error:
        found = [replace(each, where=f"@{each.where}") for each in error.diagnostics]
        raise type(error)(found) from None
    return [line.strip() for line in lines if line.strip() and not line.startswith(("#", "@"))]
