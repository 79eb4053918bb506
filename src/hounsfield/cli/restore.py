"""`hounsfield restore`: a prediction back on the scan's grid."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from hounsfield.cli.failure import about
from hounsfield.cli.scan import QuantityWord
from hounsfield.cli.terminal import Terminal


def restore(terminal: Terminal,
            record: Annotated[Path, Argument(help="The record.json of the run.")],
            prediction: Annotated[Path, Argument(help="NIfTI, NRRD, npy, or a folder of PNG slices.")],
            out: Annotated[Path, Option("--out", "-o", help="The output; its suffix says the format.")],
            quantity: Annotated[QuantityWord | None, Option(help="What the values are, if not told by them.")] = None,
            ) -> None:
    """Bring a prediction on a run's output back onto the grid of the scan; the record alone is enough.

    Whole numbers are labels (each voxel takes the one with the largest share of it), other values are interpolated.
    """
    from hounsfield.dataset.prediction import read_prediction
    from hounsfield.dataset.restore import restore as restored
    from hounsfield.io.write import write
    from hounsfield.pipeline.record import Record

    kept = Record.load(record)
    with about(prediction):
        answer = restored(kept, read_prediction(prediction), quantity=quantity)
    with about(out):
        write(answer.volume, out)
    if terminal.json:
        terminal.data({"schema": 1, "quantity": answer.volume.quantity, "shape": list(answer.volume.shape),
                       "notes": list(answer.notes)})
    terminal.say(f"wrote {out}: {answer.volume.quantity}, {answer.volume.grid!r}")
    for note in answer.notes:
        terminal.say(f"  note: {note}")
