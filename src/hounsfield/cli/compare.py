"""`hounsfield compare`: whether an image and a segmentation lie on one grid."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Exit, Option

from hounsfield.cli.errors import FAILED, about
from hounsfield.cli.options import Reading, read_volume
from hounsfield.cli.terminal import Terminal
from hounsfield.core.policy import ReadPolicy


def compare(
    terminal: Terminal,
    reading: Reading,
    ct: Annotated[Path, Argument(help="The image.")],
    seg: Annotated[Path, Argument(help="Its segmentation.")],
    fix: Annotated[Path | None, Option(metavar="OUT", help="Write it on the image's grid.")] = None,
) -> None:
    """Compare where an image and a segmentation lie, by their corners in mm; ends with 1 where they differ."""
    from hounsfield.core.compare import compare as compared
    from hounsfield.io.write import write
    from hounsfield.resampling.regrid import regrid

    image = read_volume(ct, reading=reading)
    label = read_volume(
        seg,
        reading=Reading(policy=ReadPolicy(assume_affine=reading.policy.assume_affine)),
        quantity="label",
    )
    answer = compared(image, label)
    if terminal.json:
        terminal.data(
            {
                "schema": 1,
                "same": answer.same,
                "max_corner_mm": answer.max_corner_mm,
                "differences": list(answer.differences),
            }
        )
    else:
        terminal.text("the same grid" if answer.same else "\n".join(answer.differences))
    if fix is not None:
        brought = regrid(label, image.grid)
        with about(fix):
            write(brought, fix)
        terminal.say(f"wrote {fix}: the segmentation on the image's grid")
        if label.array.any() and not brought.array.any():
            terminal.warn(
                "none of what the segmentation marks lies within the image: is it that of another scan?"
            )
    if not answer.same:
        raise Exit(FAILED)
