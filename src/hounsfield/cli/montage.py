"""`hounsfield montage`: many sections of one plane as PNG."""

from __future__ import annotations

from typing import Annotated, Literal

from typer import Option

from hounsfield.cli.errors import about
from hounsfield.cli.options import Reading
from hounsfield.cli.picture import Showing, Src, Viewing, opened, save
from hounsfield.cli.terminal import Terminal


def montage(
    terminal: Terminal,
    reading: Reading,
    showing: Showing,
    viewing: Viewing,
    src: Src,
    rows: Annotated[int | None, Option(min=1)] = None,
    columns: Annotated[int | None, Option(min=1)] = None,
    plane: Annotated[Literal["axial", "coronal", "sagittal"], Option()] = "axial",
) -> None:
    """Many sections of one plane on one sheet, each with its place in mm, in one window."""
    from hounsfield.picture.montage import montage as draw

    showing.check()
    volume, overlay = opened(terminal, src, reading, showing, viewing)
    with about(src):
        picture = draw(
            volume,
            rows=rows,
            columns=columns,
            plane=plane,
            window=showing.window_like,
            overlay=overlay,
            convention=viewing.convention,
        )
    save(terminal, picture, showing.out)
