"""Select one of several volumes in a file."""

from __future__ import annotations

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import refused


def select_volume(
    count: int, series: str | None, *, axes: int
) -> tuple[int, tuple[Diagnostic, ...]]:
    """The number of the volume to read among `count`, with diagnostics; the file has `axes` axes.

    Raises RefusedError (VOLUMES) unless `series` is a valid number, or there is one volume.
    """
    if count == 1:
        if series not in (None, "0"):
            raise refused("VOLUMES", f"no volume '{series}'; the file holds one, series=0")
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
    if series is None or not series.isdecimal() or int(series) >= count:
        raise refused(
            "VOLUMES",
            f"found {count} volumes, expected one; choose one with series=0 to series={count - 1}",
        )
    return int(series), (
        Diagnostic("CHOSEN", "note", f"read volume {int(series)} of {count}, counted from 0"),
    )
