"""Names of labels: a header's own where it is a plain word, else a number, since free text may name a patient."""

from __future__ import annotations

import re
from collections.abc import Iterable

PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
"""What may be the name of a file everywhere; it has no spaces or carets, which persons' names have."""


def label_names(wanted: Iterable[tuple[int, str]], *, kind: str) -> dict[int, str]:
    """A name for each number: what the header says where it is plain and not taken yet, else `kind` and the number.

    >>> label_names([(1, "GTV_Mass"), (2, "DOE^JANE"), (3, "GTV_Mass")], kind="roi")
    {1: 'GTV_Mass', 2: 'roi-2', 3: 'roi-3'}
    """
    names: dict[int, str] = {}
    taken: set[str] = set()
    for number, text in wanted:
        name = text.strip()
        if PLAIN.fullmatch(name) is None or name.lower() in taken:
            name = f"{kind}-{number}"
        while name.lower() in taken:
            name += "x"
        names[number] = name
        taken.add(name.lower())
    return names
