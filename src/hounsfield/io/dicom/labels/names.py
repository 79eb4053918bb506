"""Name labels: as in the header if plain, else by number, since free text may name a patient."""

from __future__ import annotations

import re
from collections.abc import Iterable

PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
"""A valid file name on every system, without the spaces and carets of person names."""


def label_names(labels: Iterable[tuple[int, str]], *, kind: str) -> dict[int, str]:
    """A name for each number: the header's if it is plain and unique, else `kind` and the number.

    >>> label_names([(1, "GTV_Mass"), (2, "DOE^JANE"), (3, "GTV_Mass")], kind="roi")
    {1: 'GTV_Mass', 2: 'roi-2', 3: 'roi-3'}
    """
    names: dict[int, str] = {}
    used: set[str] = set()
    for number, text in labels:
        name = text.strip()
        if PLAIN.fullmatch(name) is None or name.lower() in used:
            name = f"{kind}-{number}"
        while name.lower() in used:
            name += "x"
        names[number] = name
        used.add(name.lower())
    return names
