"""`hounsfield compare`: check that an image and a segmentation have the same grid."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Exit, Option

from hounsfield.cli.errors import FAILED, about
from hounsfield.cli.options import Reading, diagnostics_data, read_volume
from hounsfield.cli.terminal import Terminal
from hounsfield.core.policy import ReadPolicy


def compare(
    terminal: Terminal,
    reading: Reading,
    ct: Annotated[Path, Argument(help="Image: file or folder.")],
    seg: Annotated[Path, Argument(help="Segmentation of the image.")],
    fix: Annotated[
        Path | None,
        Option(metavar="OUT", help="Write the segmentation resampled to the image's grid."),
    ] = None,
) -> None:
    """Compare the grids of an image and a segmentation by their corners in mm.

    The exit status is 1 if they differ.
    """
    from hounsfield.core.compare import compare as compare_grids
    from hounsfield.io.write import write
    from hounsfield.resampling.regrid import regrid_anywhere

    image = read_volume(terminal, ct, reading=reading)
    label = read_volume(
        terminal,
        seg,
        reading=Reading(policy=ReadPolicy(assume_affine=reading.policy.assume_affine)),
        quantity="label",
    )
    found = compare_grids(image, label)
    if terminal.json:
        terminal.data(
            {
                "schema": 1,
                "same": found.same,
                "max_corner_mm": found.max_corner_mm,
                "differences": list(found.differences),
                "diagnostics": diagnostics_data(image, label),
            }
        )
    else:
        terminal.text("the same grid" if found.same else "\n".join(found.differences))
    if fix is not None:
        resampled = regrid_anywhere(label, image.grid)
        with about(fix):
            write(resampled, fix)
        terminal.say(f"wrote {fix}: the segmentation on the grid of the image")
        if label.array.any() and not resampled.array.any():
            terminal.warn(
                "no labelled voxel is inside the image; check that both are of the same scan"
            )
    if not found.same:
        raise Exit(FAILED)
