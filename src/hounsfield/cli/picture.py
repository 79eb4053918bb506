"""Options, reading and saving that `planes`, `montage` and `histogram` share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf, isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from typer import Argument, Option

from hounsfield.cli.errors import USAGE, Failure, about
from hounsfield.cli.options import QuantityName, Reading, diagnostics_data, read_volume
from hounsfield.cli.terminal import Terminal
from hounsfield.core.windows import window_named

if TYPE_CHECKING:
    from hounsfield.core.volume import Volume
    from hounsfield.picture.picture import Picture


@dataclass(frozen=True, slots=True, kw_only=True)
class Showing:
    """Options of every picture."""

    out: Annotated[Path, Option("--out", "-o", metavar="PNG", help="Output picture.")]
    window: Annotated[
        str | None,
        Option(
            metavar="NAME|CENTER,WIDTH",
            help="Window, by name or in HU (default: by the quantity; see windows).",
        ),
    ] = None
    quantity: Annotated[
        QuantityName | None,
        Option(help="Quantity of the values (default: as the file states, else hu)."),
    ] = None

    @property
    def window_like(self) -> str | tuple[float, float] | None:
        """Return the window as an argument of the functions of `picture`."""
        if self.window is None or "," not in self.window:
            return self.window
        center, width = numbers(self.window, 2, name="--window")
        return center, width

    def check(self) -> None:
        """Raise a usage Failure for an invalid window or suffix, before any voxel is read."""
        window = self.window_like
        if isinstance(window, str):
            with about("--window", status=USAGE):
                window_named(window)
        elif window is not None and not (isfinite(window[0]) and 0 < window[1] < inf):
            raise Failure(
                f"invalid --window '{self.window}'; expected a finite center and a width over 0",
                status=USAGE,
                code="USAGE",
            )
        if self.out.suffix.lower() != ".png":
            raise Failure(
                f"{self.out}: unknown picture format '{self.out.suffix}'; expected .png",
                status=USAGE,
                code="USAGE",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewing:
    """Further options of a picture of sections."""

    overlay: Annotated[Path | None, Option(metavar="FILE", help="Label or mask to overlay.")] = None
    convention: Annotated[
        Literal["radiological", "neurological"],
        Option(help="Side of the patient's left: on the right (radiological) or on the left."),
    ] = "radiological"


Src = Annotated[Path, Argument(readable=False, help="Scan: file or folder.")]


def opened(
    terminal: Terminal, src: Path, reading: Reading, showing: Showing, viewing: Viewing
) -> tuple[Volume, Volume | None]:
    """Read the scan, and the overlay resampled to its grid."""
    volume = read_volume(terminal, src, reading=reading, quantity=showing.quantity)
    if viewing.overlay is None:
        return volume, None
    from hounsfield.resampling.regrid import regrid_anywhere

    overlay = read_volume(terminal, viewing.overlay, reading=Reading(), quantity="label")
    if overlay.grid.same_as(volume.grid):
        return volume, overlay
    resampled = regrid_anywhere(overlay, volume.grid)
    if overlay.array.any() and not resampled.array.any():
        terminal.warn(
            f"{viewing.overlay}: no labelled voxel is inside the image; "
            "check that both are of the same scan"
        )
    return volume, replace(resampled, diagnostics=overlay.diagnostics)


def save(
    terminal: Terminal, picture: Picture, out: Path, *, read: tuple[Volume | None, ...]
) -> None:
    """Write the picture and report it, with the diagnostics of what was read."""
    with about(out):
        picture.save(out)
    rows, columns, _ = picture.array.shape
    if terminal.json:
        terminal.data(
            {"schema": 1, "rows": rows, "columns": columns, "diagnostics": diagnostics_data(*read)}
        )
    terminal.say(f"wrote {out} ({columns} x {rows})")


def numbers(text: str, count: int, *, name: str) -> tuple[float, ...]:
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError:
        values = ()
    if len(values) != count:
        raise Failure(
            f"invalid {name} '{text}'; expected {count} numbers separated by commas",
            status=USAGE,
            code="USAGE",
        )
    return values
