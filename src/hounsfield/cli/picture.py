"""What `planes`, `montage` and `histogram` share: their options, how they read and how they save."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from typer import Argument, Option

from hounsfield.cli.errors import USAGE, Failure, about
from hounsfield.cli.options import QuantityWord, Reading, read_volume
from hounsfield.cli.terminal import Terminal
from hounsfield.core.windows import window_named

if TYPE_CHECKING:
    from hounsfield.core.volume import Volume
    from hounsfield.picture.picture import Picture


@dataclass(frozen=True, slots=True, kw_only=True)
class Showing:
    """What every picture has."""

    out: Annotated[Path, Option("--out", "-o", metavar="PNG", help="The picture.")]
    window: Annotated[
        str | None, Option(metavar="NAME|CENTER,WIDTH", help="The window (see windows).")
    ] = None
    quantity: Annotated[QuantityWord | None, Option(help="What the values are, if not HU.")] = None

    @property
    def window_like(self) -> str | tuple[float, float] | None:
        """As pictures take it."""
        if self.window is None or "," not in self.window:
            return self.window
        center, width = numbers(self.window, 2, name="--window")
        return center, width

    def check(self) -> None:
        """Raise a Failure of usage, before any voxel is read, for a window that is none and a name that is no PNG's."""
        window = self.window_like
        if isinstance(window, str):
            with about("--window", status=USAGE):
                window_named(window)
        elif window is not None and not (isfinite(window[0]) and 0 < window[1] < inf):
            raise Failure(
                f"--window has a finite center and a width over 0, not '{self.window}'",
                status=USAGE,
                code="USAGE",
            )
        if self.out.suffix.lower() != ".png":
            raise Failure(
                f"{self.out}: a picture is saved as .png, not '{self.out.suffix}'",
                status=USAGE,
                code="USAGE",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewing:
    """What a picture of sections has besides."""

    overlay: Annotated[
        Path | None, Option(metavar="FILE", help="Labels or a mask to lay over it.")
    ] = None
    convention: Annotated[
        Literal["radiological", "neurological"],
        Option(help="Whether the patient's left is on the right."),
    ] = "radiological"


Src = Annotated[Path, Argument(readable=False, help="A scan: file or folder.")]


def opened(
    terminal: Terminal, src: Path, reading: Reading, showing: Showing, viewing: Viewing
) -> tuple[Volume, Volume | None]:
    volume = read_volume(src, reading=reading, quantity=showing.quantity)
    if viewing.overlay is None:
        return volume, None
    from hounsfield.resampling.regrid import regrid

    overlay = read_volume(viewing.overlay, reading=Reading(), quantity="label")
    if overlay.grid.same_as(volume.grid):
        return volume, overlay
    brought = regrid(overlay, volume.grid)
    if overlay.array.any() and not brought.array.any():
        terminal.warn(
            f"{viewing.overlay}: none of what it marks lies within the image: is it that of another scan?"
        )
    return volume, brought


def save(terminal: Terminal, picture: Picture, out: Path) -> None:
    with about(out):
        picture.save(out)
    rows, columns, _ = picture.array.shape
    if terminal.json:
        terminal.data({"schema": 1, "rows": rows, "columns": columns})
    terminal.say(f"wrote {out} ({columns} x {rows})")


def numbers(text: str, count: int, *, name: str) -> tuple[float, ...]:
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError:
        values = ()
    if len(values) != count:
        raise Failure(
            f"{name} takes {count} numbers with commas between them, not '{text}'",
            status=USAGE,
            code="USAGE",
        )
    return values
