"""Bring a prediction back onto the scan that it came from, by the record of the run alone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hounsfield.core.errors import GeometryError, QuantityError, refused
from hounsfield.core.grid import Grid
from hounsfield.core.policy import ReadPolicy
from hounsfield.core.spec import Quantity, Spec
from hounsfield.core.volume import Array, Volume
from hounsfield.dataset.memory import check_memory
from hounsfield.dataset.prediction import Prediction
from hounsfield.pipeline.record import Record

if TYPE_CHECKING:
    from hounsfield.io.dicom.derived.source import Identity


@dataclass(frozen=True, slots=True, eq=False)
class Restored:
    """The prediction on the source's grid, and what its user should know of the way."""

    volume: Volume
    notes: tuple[str, ...]


def restore(
    record: Record, prediction: Prediction, *, quantity: Quantity | None = None
) -> Restored:
    """The prediction of a record's output on the grid of its source; `quantity` None is told from its values.

    An exact copy where the output's grid is aligned with the source's; else labels take the one with the largest share
    of each voxel, other values are interpolated. Raises GeometryError where the prediction has not the output's shape.
    """
    from hounsfield.resampling.regrid import regrid

    found = on_output(record, prediction, quantity=quantity)
    volume, notes, grid = found.volume, found.notes, found.volume.grid
    target = record.source_grid
    check_memory(math.prod(target.shape) * volume.spec.dtype.itemsize + volume.array.nbytes, None)
    if "slices" in record.source["geometry"]:
        notes = (
            *notes,
            "the source's slices lay unevenly or at a tilt: this lies on its natural grid, which is "
            "even and upright",
        )
    copied = target.aligned_with(grid)
    notes = (
        *notes,
        "its voxels were copied, bit for bit" if copied else "its voxels were interpolated",
    )
    return Restored(regrid(volume, target, method=None if copied else "linear"), notes)


def on_output(
    record: Record, prediction: Prediction, *, quantity: Quantity | None = None
) -> Restored:
    """The prediction where it was made: on the grid of the run's output, or that turned. Raises GeometryError."""
    grid, notes = _placed(prediction, record.output_grid)
    kind = quantity or prediction.quantity
    array = np.asfortranarray(_settled(prediction.array, kind))
    return Restored(
        Volume(array, Spec(grid=grid, dtype=array.dtype, quantity=kind, background=0.0)), notes
    )


def _placed(prediction: Prediction, output: Grid) -> tuple[Grid, tuple[str, ...]]:
    """The grid that the prediction's voxels lie on: its own where it is the output's turned, else the output's."""
    own, shape = prediction.grid, prediction.array.shape
    if own is not None and _is_turned(own, output):
        return own, ()
    if shape != output.shape:
        hint = ""
        if shape == tuple(reversed(output.shape)):
            hint = "; it is (k, j, i): transpose it"
        raise GeometryError(
            f"the prediction has the shape {shape}, and the run's output had {output.shape}{hint}"
        )
    if own is None:
        return output, ()
    return output, (
        "the prediction's own affine is not the output's, and was not used: only the order of its voxels "
        "counts",
    )


def _is_turned(own: Grid, output: Grid) -> bool:
    """Whether a grid has exactly the output's voxels, whichever way its axes run."""
    return own.reoriented(output.orientation).same_as(output)


def _settled(array: Array, quantity: Quantity) -> Array:
    """Labels as whole numbers in as few bytes as they take; other values as they are, float32 at most."""
    if quantity not in ("label", "mask"):
        return array if array.dtype.kind in "iu" else array.astype(np.float32)
    if array.dtype.kind in "iu":
        return array
    highest = float(array.max())
    dtype = np.uint8 if highest <= 255 else np.uint16 if highest <= 65535 else np.int32
    return array.astype(dtype)


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
    from hounsfield.dataset.case import source_sha256
    from hounsfield.dataset.discover import discover

    wanted = record.source["sha256"]
    if wanted and wanted not in {
        source_sha256(case) for case in discover([str(source)], series=series).cases
    }:
        raise refused(
            "OTHER_SOURCE",
            "the series at --source is not made of the files that the record was made of: name the "
            "folder that the run read",
        )
