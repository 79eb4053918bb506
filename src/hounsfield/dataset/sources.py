"""What the user typed as sources: paths, patterns, and @files that list them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from hounsfield.core.errors import ReadError
from hounsfield.io.bytes.text import read_short_text

LONGEST_LIST_BYTES = 64 << 20
"""A list of a million paths of 60 letters; a file beyond that is no list."""


def expanded(words: Sequence[str]) -> list[str]:
    """Paths as typed: patterns (`*`, `?`, `[`, `**`) matched and sorted, `@list.txt` read line by line.

    A word that is a path is never taken for a pattern. In a list, empty lines and lines that begin with # are left
    out, and relative paths are relative to the folder one is in. Raises ReadError where a list cannot be read.
    """
    result: list[str] = []
    for word in words:
        if word.startswith("@") and not os.path.exists(word):
            result += expanded(_listed(Path(word[1:])))
        else:
            result += _matches(word)
    return list(dict.fromkeys(result))


def _matches(word: str) -> list[str]:
    if os.path.exists(word) or not any(letter in word for letter in "*?["):
        return [word]
    import glob

    return sorted(glob.glob(word, recursive=True)) or [word]


def _listed(path: Path) -> list[str]:
    try:
        lines = read_short_text(path, largest_bytes=LONGEST_LIST_BYTES).splitlines()
    except ReadError as error:
        found = [replace(each, where=f"@{each.where}") for each in error.diagnostics]
        raise type(error)(found) from None
    return [line.strip() for line in lines if line.strip() and not line.startswith(("#", "@"))]
