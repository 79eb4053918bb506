"""Select one of several series by its id or its number."""

from __future__ import annotations

from collections.abc import Sequence

from hounsfield.io.dicom.series.series import Series
from hounsfield.io.values.select_volume import number_of

LISTED_SERIES = 8
"""Series that a message lists."""


def readable_series(found: Sequence[Series]) -> list[Series]:
    """The series of CT slices in order: the number of each is its index here."""
    return [series for series in found if series.is_readable]


def matching_series(found: Sequence[Series], wanted: str) -> list[Series]:
    """The series with the id `wanted`, or the one with that number, counted from 0; else none."""
    matches = [series for series in found if series.id == wanted]
    readable = readable_series(found)
    number = number_of(wanted)
    if not matches and number is not None and number < len(readable):
        return [readable[number]]
    return matches


def listed(found: Sequence[Series]) -> str:
    """The numbers and ids of the series of CT slices, for a message."""
    readable = readable_series(found)
    names = [f"{number} ({item.id})" for number, item in enumerate(readable[:LISTED_SERIES])]
    more = len(readable) - len(names)
    return ", ".join(names) + (f" and {more} more" if more else "")


def no_such_series(found: Sequence[Series], wanted: str) -> str:
    """What to say where no series has the id or number `wanted`."""
    return f"no series has the id or number '{wanted[:40]}'; expected one of {listed(found)}"
