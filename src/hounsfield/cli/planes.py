"""`hounsfield planes`: the three planes through a point as PNG."""

from __future__ import annotations

from typing import Annotated

from typer import Option

from hounsfield.cli.errors import about
from hounsfield.cli.options import Reading
from hounsfield.cli.picture import Showing, Src, Viewing, numbers, opened, save
from hounsfield.cli.terminal import Terminal


def planes(
    terminal: Terminal,
    reading: Reading,
    showing: Showing,
    viewing: Viewing,
    src: Src,
    at: Annotated[str | None, Option("--at", metavar="R,A,S", help="The point, in mm.")] = None,
    fraction: Annotated[
        str | None, Option(metavar="R,A,S", help="The point, from 0 to 1 each.")
    ] = None,
    crosshair: Annotated[bool, Option("--crosshair", help="Draw where the planes cut.")] = False,
) -> None:
    """Axial, coronal and sagittal planes through a point, true to mm, with letters, in one window."""
    from hounsfield.picture.planes import planes as draw

    showing.check()
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
    save(terminal, picture, showing.out)
