"""`hounsfield montage`: draw many sections of one plane."""

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
    rows: Annotated[int | None, Option(min=1, help="Rows (default: by the columns).")] = None,
    columns: Annotated[int | None, Option(min=1, help="Columns (default: by the rows).")] = None,
    plane: Annotated[
        Literal["axial", "coronal", "sagittal"], Option(help="Plane of the sections.")
    ] = "axial",
) -> None:
    """Draw many sections of one plane, each with its position in mm, in one window."""
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
    save(terminal, picture, showing.out, read=(volume, overlay))
