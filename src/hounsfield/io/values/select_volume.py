"""Choose one of several volumes in a file, by what its user said; nothing is chosen for them."""

from __future__ import annotations

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import refused


def chosen(count: int, series: str | None, *, axes: int) -> tuple[int, tuple[Diagnostic, ...]]:
    """The number of the volume to read among `count`, and what is said of it; `axes` is how many the file has.

    Raises RefusedError (VOLUMES) where there are several and `series` is not the number of one of them, from 0.
    """
    if count == 1:
        if series not in (None, "0"):
            raise refused("VOLUMES", f"no volume '{series}'; the file holds one, series=0")
        return 0, (
            (
                Diagnostic(
                    "SQUEEZED",
                    "note",
                    f"{axes} axes, those beyond the third with one entry: read as one volume",
                ),
            )
            if axes > 3
            else ()
        )
    if series is None or not series.isdecimal() or int(series) >= count:
        raise refused(
            "VOLUMES",
            f"found {count} volumes, expected one; choose one with series=0 to series={count - 1}",
        )
    return int(series), (
        Diagnostic("CHOSEN", "note", f"volume {int(series)} of {count} was read, counted from 0"),
    )
