"""Name labels: as in the header if plain, else by number, since free text may name a patient."""

from __future__ import annotations

import re
from collections.abc import Iterable

from hounsfield.io.dicom.labels.structures import structure_of

PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
"""A valid file name on every system, without the spaces and carets of person names."""

WITH_SPACES = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _-]{0,39}")
"""A name that a segment may be given; when read, only names of known structures keep spaces."""


def label_names(labels: Iterable[tuple[int, str]], *, kind: str) -> dict[int, str]:
    """A name for each number: the header's if it is plain and unique, else `kind` and the number.

    The spaces in the name of a known structure become '_'; another name with spaces may be a
    person's.

    >>> label_names([(1, "GTV_Mass"), (2, "DOE JANE"), (3, "Left kidney")], kind="roi")
    {1: 'GTV_Mass', 2: 'roi-2', 3: 'Left_kidney'}
    """
    names: dict[int, str] = {}
    used: set[str] = set()
    for number, text in labels:
        name = text.strip()
        if structure_of(name) is not None:
            name = "_".join(name.split())
        if PLAIN.fullmatch(name) is None or name.lower() in used:
            name = f"{kind}-{number}"
        while name.lower() in used:
            name += "x"
        names[number] = name
        used.add(name.lower())
    return names
