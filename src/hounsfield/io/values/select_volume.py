"""Select one of several volumes in a file."""

from __future__ import annotations

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import refused

DIGITS = 9
"""Most digits of a number of a series or volume; Python refuses to convert thousands of them."""


def series_text(series: str | int | None) -> str | None:
    """The id or number of a series as text, the type that readers expect; None for None."""
    if isinstance(series, int) and abs(series) >= 10**DIGITS:
        return "9" * (DIGITS + 1)  # any number that no series has
    return None if series is None else str(series)


def number_of(text: str | None) -> int | None:
    """The number that `text` is, counted from 0; None if it is none."""
    return int(text) if text and text.isdecimal() and len(text) <= DIGITS else None


def select_volume(
    count: int, series: str | None, *, axes: int
) -> tuple[int, tuple[Diagnostic, ...]]:
    """The number of the volume to read among `count`, with diagnostics; the file has `axes` axes.

    Raises RefusedError (VOLUMES) unless `series` is a valid number, or there is one volume.
    """
    if count == 1:
        if series not in (None, "0"):
            raise refused("VOLUMES", f"no volume '{series[:40]}'; the file holds one, series=0")
        return 0, (
            (
                Diagnostic(
                    "SQUEEZED",
                    "note",
                    f"{axes} axes, of length 1 beyond the third; read as one volume",
                ),
            )
            if axes > 3
            else ()
        )
    number = number_of(series)
    if number is None or number >= count:
        raise refused(
            "VOLUMES",
            f"found {count} volumes, expected one; choose one with series=0 to series={count - 1}",
        )
    return number, (
        Diagnostic("CHOSEN", "note", f"read volume {number} of {count}, counted from 0"),
    )
