"""Bring a prediction back as a DICOM SEG of the series that it came from."""

from __future__ import annotations

from pathlib import Path

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import GeometryError, QuantityError, RefusedError
from hounsfield.core.policy import ReadPolicy
from hounsfield.dataset.prediction import Prediction
from hounsfield.dataset.restore import Restored, on_output
from hounsfield.io.dicom.derived.source import Identity
from hounsfield.pipeline.record import Record


def restore_seg(
    record: Record,
    prediction: Prediction,
    path: Path,
    *,
    source: Path,
    series: str | None = None,
    identity: Identity = "remove",
) -> Restored:
    """Write the prediction of a record's output to `path` as a SEG of the series at `source`; returns what was brought
    back. From the output's grid it goes straight onto the original slices, in one step.

    Raises RefusedError where the series' files are not those that the record was made of, GeometryError where the series
    does not lie where the record says that its source did, QuantityError where the prediction is no label, and the
    errors of `write_seg`.
    """
    from hounsfield.io.dicom.seg.write import write_seg
    from hounsfield.io.open import open_stack

    found = on_output(record, prediction)
    if found.volume.quantity not in ("label", "mask"):
        raise QuantityError(
            "the prediction holds fractions or negative values: a segmentation is made of labels"
        )
    _check_source(record, source, series)
    stack = open_stack(source, series=series, policy=ReadPolicy(gaps="fill"), quantity="other")
    if not stack.grid.same_as(record.source_grid):
        raise GeometryError(
            f"the series lies on {stack.grid!r}, and the record's source on {record.source_grid!r}: it "
            "is another one"
        )
    write_seg(found.volume, path, source=stack, identity=identity)
    return Restored(
        found.volume,
        (*found.notes, "the segmentation holds the UIDs of the slices that it refers to"),
    )


def _check_source(record: Record, source: Path, series: str | None) -> None:
    """Raise RefusedError (OTHER_SOURCE) unless a series at `source` is made of the bytes that the record names: two scans
    of one protocol lie on one grid, and a segmentation must not refer to the wrong one."""
    from hounsfield.dataset.discover import discover
    from hounsfield.io.checksum import source_files

    wanted = record.source["sha256"]
    if wanted and wanted not in {
        source_files(case.path, names=case.files).sha256()
        for case in discover([str(source)], series=series).cases
    }:
        raise RefusedError(
            [
                Diagnostic(
                    "OTHER_SOURCE",
                    "refusal",
                    "the series at --source is not made of the files that the record was "
                    "made of: name the folder that the run read",
                )
            ]
        )
