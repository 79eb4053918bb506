"""`hounsfield convert`: write a scan in another format."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from hounsfield.cli.errors import USAGE, Failure, about
from hounsfield.cli.options import (
    FORMAT_METAVAR,
    QuantityName,
    Reading,
    diagnostics_data,
    format_name,
    read_volume,
)
from hounsfield.cli.terminal import Terminal
from hounsfield.core.errors import QuantityError

if TYPE_CHECKING:
    from hounsfield.core.diagnostic import Diagnostic
    from hounsfield.core.stack import Stack


def convert(
    terminal: Terminal,
    reading: Reading,
    src: Annotated[Path, Argument(readable=False, help="Scan: file or folder.")],
    dst: Annotated[Path, Argument(help="Output file or folder; its suffix selects the format.")],
    like: Annotated[
        Path | None, Option(metavar="FILE", help="Resample to the grid of this scan.")
    ] = None,
    format: Annotated[
        str | None,
        Option(
            metavar=FORMAT_METAVAR,
            parser=format_name,
            help="Output format (default: by the suffix of DST); dicom is a derived series.",
        ),
    ] = None,
    dtype: Annotated[
        str | None,
        Option(help="Output dtype, such as int16 (default: that of the scan); values must fit."),
    ] = None,
    quantity: Annotated[
        QuantityName | None,
        Option(help="Quantity of the values (default: as the file states, else hu)."),
    ] = None,
) -> None:
    """Write a scan in another format, on its own grid or on that of another scan.

    No data of the patient is written.
    """
    from hounsfield.io.open import open_stack
    from hounsfield.io.write import write
    from hounsfield.resampling.regrid import regrid

    _check_dtype(dtype)
    _check_output(src, dst)
    scan = volume = read_volume(terminal, src, reading=reading, quantity=quantity)
    of_like: tuple[Diagnostic, ...] = ()
    if like is not None:
        with about(like):
            target = open_stack(like, policy=reading.policy, quantity="other")
            volume, of_like = regrid(volume, target.grid), target.diagnostics
        terminal.report_all(of_like, subject=str(like))
    with about(dst):
        write(
            volume,
            dst,
            format=format,
            dtype=dtype,
            source=_dicom_source(src, reading) if format == "dicom" else None,
        )
    if terminal.json:
        grid = volume.grid
        terminal.data(
            {
                "schema": 1,
                "shape": list(volume.shape),
                "spacing_mm": list(grid.spacing_mm),
                "orientation": grid.orientation,
                "dtype": dtype or str(volume.spec.dtype),
                "quantity": volume.quantity,
                "diagnostics": [*diagnostics_data(scan), *(each.to_json() for each in of_like)],
            }
        )
    terminal.say(f"wrote {dst}: {volume.quantity}, {volume.grid!r}")


def _dicom_source(src: Path, reading: Reading) -> Stack | None:
    """Return the series that a derived series refers to; None if the source is not DICOM."""
    from hounsfield.io.formats import sniff
    from hounsfield.io.open import open_stack

    if sniff(src) != "dicom":
        return None
    return open_stack(src, series=reading.series, policy=reading.policy, quantity="other")


def _check_output(src: Path, dst: Path) -> None:
    if os.path.exists(src) and os.path.exists(dst) and os.path.samefile(src, dst):
        message = f"{dst}: the output is the source; choose another file"
        raise Failure(message, status=USAGE, code="USAGE")


def _check_dtype(name: str | None) -> None:
    from hounsfield.core.dtype import voxel_dtype

    try:
        if name is not None:
            voxel_dtype(name)
    except QuantityError as error:
        raise Failure(f"--dtype: {error}", status=USAGE, code="USAGE") from None
