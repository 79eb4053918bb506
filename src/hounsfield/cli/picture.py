"""`hounsfield planes`, `montage` and `histogram`: scans as PNG."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf, isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from typer import Argument, Option

from hounsfield.cli.errors import USAGE, Failure, about
from hounsfield.cli.reading import Reading
from hounsfield.cli.scan import QuantityWord, diagnostics_data, read_volume
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
        center, width = _numbers(self.window, 2, name="--window")
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
    point = None if at is None else _numbers(at, 3, name="--at")
    part = (0.5, 0.5, 0.5) if fraction is None else _numbers(fraction, 3, name="--fraction")
    volume, overlay = _opened(terminal, src, reading, showing, viewing)
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
    _save(terminal, picture, showing.out, read=(volume, overlay))


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
    volume, overlay = _opened(terminal, src, reading, showing, viewing)
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
    _save(terminal, picture, showing.out, read=(volume, overlay))


def histogram(terminal: Terminal, reading: Reading, showing: Showing, src: Src) -> None:
    """How often each value occurs, with the window drawn on it."""
    from hounsfield.picture.histogram import histogram as draw

    showing.check()
    volume = read_volume(terminal, src, reading=reading, quantity=showing.quantity)
    with about(src):
        picture = draw(volume, window=showing.window_like)
    _save(terminal, picture, showing.out, read=(volume,))


def _opened(
    terminal: Terminal, src: Path, reading: Reading, showing: Showing, viewing: Viewing
) -> tuple[Volume, Volume | None]:
    volume = read_volume(terminal, src, reading=reading, quantity=showing.quantity)
    if viewing.overlay is None:
        return volume, None
    from hounsfield.resampling.regrid import regrid

    overlay = read_volume(terminal, viewing.overlay, reading=Reading(), quantity="label")
    if overlay.grid.same_as(volume.grid):
        return volume, overlay
    brought = regrid(overlay, volume.grid)
    if overlay.array.any() and not brought.array.any():
        terminal.warn(
            f"{viewing.overlay}: none of what it marks lies within the image: is it that of another scan?"
        )
    return volume, replace(brought, diagnostics=overlay.diagnostics)


def _save(
    terminal: Terminal, picture: Picture, out: Path, *, read: tuple[Volume | None, ...]
) -> None:
    with about(out):
        picture.save(out)
    rows, columns, _ = picture.array.shape
    if terminal.json:
        terminal.data(
            {"schema": 1, "rows": rows, "columns": columns, "diagnostics": diagnostics_data(*read)}
        )
    terminal.say(f"wrote {out} ({columns} x {rows})")


def _numbers(text: str, count: int, *, name: str) -> tuple[float, ...]:
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
