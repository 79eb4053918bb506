"""`hounsfield restore`: a prediction back on the scan's grid."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from typer import Argument, Option

from hounsfield.cli.errors import USAGE, Failure, about
from hounsfield.cli.options import QuantityWord
from hounsfield.cli.terminal import Terminal

if TYPE_CHECKING:
    from hounsfield.dataset.prediction import Prediction
    from hounsfield.dataset.restore import Restored
    from hounsfield.pipeline.record import Record


def restore(
    terminal: Terminal,
    record: Annotated[Path, Argument(help="The record.json of the run.")],
    prediction: Annotated[Path, Argument(help="NIfTI, NRRD, npy, or a folder of PNG slices.")],
    out: Annotated[Path, Option("--out", "-o", help="The output; its suffix says the format.")],
    quantity: Annotated[
        QuantityWord | None, Option(help="What the values are, if not told by them.")
    ] = None,
    format: Annotated[
        Literal["seg"] | None, Option(help="seg: a DICOM SEG of the original slices.")
    ] = None,
    source: Annotated[
        Path | None, Option(metavar="DIR", help="The DICOM series, for --format seg.")
    ] = None,
    identity: Annotated[
        Literal["remove", "keep"], Option(help="Of the patient and study in the SEG.")
    ] = "remove",
) -> None:
    """Bring a prediction on a run's output back onto the grid of the scan; the record alone is enough.

    Whole numbers are labels (each voxel takes the one with the largest share of it), other values are interpolated.
    With --format seg labels go back as DICOM SEG onto the original slices, uneven or tilted as they lie.
    """
    from hounsfield.dataset.prediction import read_prediction
    from hounsfield.dataset.restore import restore as restored
    from hounsfield.io.write import write
    from hounsfield.pipeline.record import Record

    kept = Record.load(record)
    with about(prediction):
        found = read_prediction(prediction)
        answer = restored(kept, found, quantity=quantity) if format is None else None
    with about(out):
        if answer is not None:
            write(answer.volume, out)
        else:
            answer = _as_seg(kept, found, out, source=source, identity=identity)
    if terminal.json:
        terminal.data(
            {
                "schema": 1,
                "quantity": answer.volume.quantity,
                "shape": list(answer.volume.shape),
                "notes": list(answer.notes),
            }
        )
    terminal.say(f"wrote {out}: {answer.volume.quantity}, {answer.volume.grid!r}")
    for note in answer.notes:
        terminal.say(f"  note: {note}")


def _as_seg(
    record: Record,
    prediction: Prediction,
    out: Path,
    *,
    source: Path | None,
    identity: Literal["remove", "keep"],
) -> Restored:
    from hounsfield.dataset.restore_seg import restore_seg

    if source is None:
        raise Failure(
            "--format seg needs --source DIR: the series that the segmentation refers to",
            status=USAGE,
            code="USAGE",
        )
    return restore_seg(record, prediction, out, source=source, identity=identity)
