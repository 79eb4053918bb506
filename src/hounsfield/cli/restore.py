"""`hounsfield restore`: bring a prediction back to the grid of its scan."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from typer import Argument, Option

from hounsfield.cli.errors import USAGE, Failure, about
from hounsfield.cli.options import QuantityName
from hounsfield.cli.terminal import Terminal
from hounsfield.core.diagnostic import Diagnostic

if TYPE_CHECKING:
    from hounsfield.dataset.prediction import Prediction
    from hounsfield.dataset.restore import Restored
    from hounsfield.pipeline.record import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Segmentation:
    """Options of --format seg."""

    source: Annotated[
        Path | None,
        Option(metavar="DIR", help="DICOM series of the scan; required by --format seg."),
    ] = None
    series: Annotated[
        str | None,
        Option(
            metavar="ID|NUMBER",
            help="Series in DIR, by its id or its number (default: that of the record).",
        ),
    ] = None
    identity: Annotated[
        Literal["remove", "keep"], Option(help="Identity of patient and study in the SEG.")
    ] = "remove"


def restore(
    terminal: Terminal,
    record: Annotated[Path, Argument(help="record.json of the run.")],
    prediction: Annotated[
        Path, Argument(help="Prediction: NIfTI, NRRD, npy or a folder of PNG slices.")
    ],
    seg: Segmentation,
    out: Annotated[Path, Option("--out", "-o", help="Output file; its suffix selects the format.")],
    quantity: Annotated[
        QuantityName | None,
        Option(help="Quantity of the values (default: label for whole numbers, else other)."),
    ] = None,
    format: Annotated[
        Literal["seg"] | None,
        Option(
            help="Output format (default: by the suffix); seg: DICOM SEG of the original slices."
        ),
    ] = None,
) -> None:
    """Resample a prediction from the grid of a run's output to the grid of the scan.

    Whole numbers are labels: each voxel gets the label with the largest share. Other values are
    interpolated. With --format seg the labels are written as DICOM SEG of the original slices.
    """
    if format is None and (seg.source is not None or seg.series is not None):
        message = "--source and --series are for --format seg; add it, or leave them out"
        raise Failure(message, status=USAGE, code="USAGE")
    from hounsfield.dataset.prediction import read_prediction
    from hounsfield.dataset.restore import restore as restore_volume
    from hounsfield.io.write import write
    from hounsfield.pipeline.record import Record

    run_record = Record.load(record)
    with about(prediction):
        found = read_prediction(prediction)
        restored = restore_volume(run_record, found, quantity=quantity) if format is None else None
    with about(out):
        if restored is not None:
            write(restored.volume, out)
        else:
            restored = _as_seg(run_record, found, out, seg)
    if terminal.json:
        terminal.data(
            {
                "schema": 1,
                "quantity": restored.volume.quantity,
                "shape": list(restored.volume.shape),
                "notes": list(restored.notes),
                "diagnostics": [dict(each) for each in run_record.diagnostics],
            }
        )
    of_scan = [Diagnostic(**each) for each in run_record.diagnostics]  # type: ignore[arg-type]
    terminal.report_all(of_scan, subject="scan of the record")
    terminal.say(f"wrote {out}: {restored.volume.quantity}, {restored.volume.grid!r}")
    for note in restored.notes:
        terminal.say(f"  note: {note}")


def _as_seg(record: Record, prediction: Prediction, out: Path, seg: Segmentation) -> Restored:
    from hounsfield.dataset.restore import restore_seg

    if seg.source is None:
        raise Failure(
            "--source is missing; --format seg needs the DICOM series that it refers to",
            status=USAGE,
            code="USAGE",
        )
    return restore_seg(
        record, prediction, out, source=seg.source, series=seg.series, identity=seg.identity
    )
