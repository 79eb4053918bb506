"""Name labels: as in the header if plain, else by number, since free text may name a patient."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

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


SHORTEST_NAME, SHORTEST_PART, SHORTEST_ID = 3, 5, 4
"""Letters of a name of the patient as a word of a label, as a part of a word, and of an id."""


def public_text(data: Any, text: str) -> str:
    """The text of a label; '' if it has a name or an id of the patient of the object `data`.

    >>> public_text({"PatientName": "Doe^Jane"}, "doe_1"), public_text({}, "doe_1")
    ('', 'doe_1')
    """
    if structure_of(text) is not None:
        return text
    lower = text.lower()
    names = re.findall(r"[^\W\d_]+", str(data.get("PatientName") or "").lower())
    words = set(re.findall(r"[^\W\d_]+", lower))
    ids = [str(data.get(keyword) or "").lower() for keyword in ("PatientID", "AccessionNumber")]
    named = any(len(name) >= SHORTEST_NAME and name in words for name in names)
    named |= any(len(name) >= SHORTEST_PART and name in lower for name in names)
    return "" if named or any(len(one) >= SHORTEST_ID and one in lower for one in ids) else text
