"""`hounsfield restore`: bring a prediction back to the grid of its scan."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from typer import Argument, Option

from hounsfield.cli.errors import USAGE, Failure, about, check_local
from hounsfield.cli.restore_folder import Segmentation, Values, restore_all, source_of
from hounsfield.cli.terminal import Terminal
from hounsfield.core.diagnostic import Diagnostic

if TYPE_CHECKING:
    from hounsfield.dataset.prediction import Prediction
    from hounsfield.dataset.restore import Restored
    from hounsfield.pipeline.record import Record


def restore(
    terminal: Terminal,
    record: Annotated[
        Path, Argument(help="record.json of the run; or the output folder of a run or an export.")
    ],
    prediction: Annotated[
        Path,
        Argument(
            help="Prediction: NIfTI, NRRD, npy or a folder of PNG slices; for a run or an export a "
            "folder of CASE.nii.gz or CASE.npz."
        ),
    ],
    values: Values,
    seg: Segmentation,
    out: Annotated[
        Path,
        Option(
            "--out",
            "-o",
            help="Output file, whose suffix selects the format; for a folder of predictions a "
            "folder.",
        ),
    ],
    format: Annotated[
        Literal["seg"] | None,
        Option(
            help="Output format (default: by the suffix); seg: DICOM SEG of the original slices."
        ),
    ] = None,
) -> None:
    """Resample a prediction from the grid of a run's output to the grid of the scan.

    Whole numbers are labels: each voxel gets the label with the largest share. Other values are
    interpolated. With --format seg the labels are written as DICOM SEG of the original slices. All
    predictions of a folder are restored in one call; nnU-Net's probabilities too.
    """
    if format is None and (seg.source is not None or seg.series is not None):
        message = "--source and --series are for --format seg; add it, or leave them out"
        raise Failure(message, status=USAGE, code="USAGE")
    check_local(out, what="the output")
    check_local(record, prediction, what="the input")
    if record.is_dir():
        restore_all(
            terminal, record, prediction, out, values=values, seg=seg if format == "seg" else None
        )
        return
    if values.probabilities is not None:
        message = "--probabilities is for the folder of a run or an export; name that folder"
        raise Failure(message, status=USAGE, code="USAGE")
    _restore_one(terminal, record, prediction, out, values=values, seg=seg, format=format)


def _restore_one(
    terminal: Terminal,
    record: Path,
    prediction: Path,
    out: Path,
    *,
    values: Values,
    seg: Segmentation,
    format: str | None,
) -> None:
    """Restore the prediction of one case, and report it."""
    from hounsfield.dataset.prediction import read_prediction
    from hounsfield.dataset.restore import restore as restore_volume
    from hounsfield.io.write import write
    from hounsfield.pipeline.record import Record

    run_record = Record.load(record)
    with about(prediction):
        found = read_prediction(prediction)
        restored = (
            restore_volume(run_record, found, quantity=values.quantity) if format is None else None
        )
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

    return restore_seg(
        record, prediction, out, source=source_of(seg), series=seg.series, identity=seg.identity
    )
