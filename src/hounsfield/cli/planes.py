"""`hounsfield planes`: draw the three planes through a point."""

from __future__ import annotations

from typing import Annotated

from typer import Option

from hounsfield.cli.errors import USAGE, Failure, about
from hounsfield.cli.options import Reading
from hounsfield.cli.picture import Showing, Src, Viewing, numbers, opened, save
from hounsfield.cli.terminal import Terminal


def planes(
    terminal: Terminal,
    reading: Reading,
    showing: Showing,
    viewing: Viewing,
    src: Src,
    at: Annotated[
        str | None,
        Option("--at", metavar="R,A,S", help="Point in RAS mm (default: the center of the scan)."),
    ] = None,
    fraction: Annotated[
        str | None,
        Option(
            metavar="R,A,S",
            help="Point as fractions of the extent, from 0 to 1 (default: 0.5,0.5,0.5).",
        ),
    ] = None,
    crosshair: Annotated[
        bool, Option("--crosshair", help="Draw lines where the planes intersect.")
    ] = False,
) -> None:
    """Draw the axial, coronal and sagittal planes through a point, at one scale and window."""
    from hounsfield.picture.planes import planes as draw

    showing.check()
    if at is not None and fraction is not None:
        message = "--at and --fraction exclude each other; use one of them"
        raise Failure(message, status=USAGE, code="USAGE")
    point = None if at is None else numbers(at, 3, name="--at")
    part = (0.5, 0.5, 0.5) if fraction is None else numbers(fraction, 3, name="--fraction")
    volume, overlay = opened(terminal, src, reading, showing, viewing)
    with about(src):
        picture = draw(
            volume,
            at_mm=point,
            fraction=part,
            window=showing.window_like,
            overlay=overlay,
            convention=viewing.convention,
            crosshair=crosshair,
        )
    save(terminal, picture, showing.out, read=(volume, overlay))
