"""Read dataset.json, which describes a data set of nnU-Net or of the Medical Decathlon."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hounsfield.core.errors import unreadable
from hounsfield.io.bytes.text import read_short_text

NAME = "dataset.json"

LARGEST_BYTES = 64 << 20
"""The largest description; one of 100,000 images has 15 MB."""


def description(folder: Path) -> dict[str, Any]:
    """Return the description in a folder; raises ReadError if it is invalid."""
    path = folder / NAME
    try:
        data = json.loads(read_short_text(path, largest_bytes=LARGEST_BYTES))
    except (ValueError, RecursionError):
        raise unreadable(str(path), "not valid JSON; expected the description of a data set") from (
            None
        )
    if not isinstance(data, dict):
        raise unreadable(str(path), "not a JSON object; expected the description of a data set")
    return data


def description_or_none(folder: Path) -> dict[str, Any] | None:
    """Return the description in a folder, or None if there is none that is valid."""
    try:
        return description(folder) if (folder / NAME).is_file() else None
    except OSError:
        return None


def label_names(data: Mapping[str, Any]) -> tuple[tuple[int, str], ...]:
    """Return the names of label values but 0: {"liver": 1} of nnU-Net 2, {"1": "liver"} of older.

    Regions of several values are left out: they are no values of their own.

    >>> label_names({"labels": {"background": 0, "liver": 1, "organs": [1, 2]}})
    ((1, 'liver'),)
    """
    named = data.get("labels")
    pairs = [_pair(key, value) for key, value in named.items()] if isinstance(named, dict) else []
    return tuple(sorted(pair for pair in pairs if pair is not None and pair[0] > 0))


def _pair(key: str, value: Any) -> tuple[int, str] | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value, key
    return (int(key), value) if key.isdecimal() and isinstance(value, str) else None
