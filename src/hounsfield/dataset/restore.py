"""Resample a prediction to the grid of its scan, from the record of the run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import GeometryError, QuantityError, refused
from hounsfield.core.grid import Grid
from hounsfield.core.policy import ReadPolicy
from hounsfield.core.spec import Quantity, Spec
from hounsfield.core.volume import Array, Volume
from hounsfield.dataset.memory import check_memory
from hounsfield.dataset.prediction import Prediction
from hounsfield.pipeline.record import Record

if TYPE_CHECKING:
    from hounsfield.dataset.case import CaseSource, NoCase
    from hounsfield.io.dicom.derived.source import Identity


@dataclass(frozen=True, slots=True, eq=False)
class Restored:
    """The prediction on the grid of the source, and notes for the user."""

    volume: Volume
    notes: tuple[str, ...]


def restore(
    record: Record, prediction: Prediction, *, quantity: Quantity | None = None
) -> Restored:
    """Resample a prediction from the grid of a run's output to the grid of the source.

    Voxels are copied if the two grids are aligned. Otherwise each voxel gets the label with the
    largest share, and other values are interpolated. `quantity` None is inferred from the values.
    Raises GeometryError if the prediction does not have the shape of the output.
    """
    from hounsfield.resampling.regrid import regrid

    found = on_output(record, prediction, quantity=quantity)
    volume, notes, grid = found.volume, found.notes, found.volume.grid
    target = record.source_grid
    check_memory(math.prod(target.shape) * volume.spec.dtype.itemsize + volume.array.nbytes, None)
    if "slices" in record.source["geometry"]:
        notes = (
            *notes,
            "the source has uneven or tilted slices: the result is on its natural grid, which is "
            "even and not tilted",
        )
    copied = target.aligned_with(grid)
    notes = (*notes, "the voxels were copied exactly" if copied else "the voxels were interpolated")
    return Restored(regrid(volume, target), notes)


def on_output(
    record: Record, prediction: Prediction, *, quantity: Quantity | None = None
) -> Restored:
    """Return the prediction on the grid of the run's output, possibly reoriented.

    Raises GeometryError.
    """
    grid, notes = _resolve_grid(prediction, record.output_grid)
    kind = quantity or prediction.quantity
    array = np.asfortranarray(_cast(prediction.array, kind))
    return Restored(
        Volume(array, Spec(grid=grid, dtype=array.dtype, quantity=kind, background=0.0)), notes
    )


def _resolve_grid(prediction: Prediction, output: Grid) -> tuple[Grid, tuple[str, ...]]:
    """Return the grid of the prediction: its own if it is a reoriented output grid."""
    own, shape = prediction.grid, prediction.array.shape
    if own is not None and _is_reoriented(own, output):
        return own, ()
    if shape != output.shape:
        hint = ""
        if shape == tuple(reversed(output.shape)):
            hint = "; transpose it from (k, j, i)"
        raise GeometryError(
            f"the prediction has the shape {shape}; expected {output.shape}, the shape of the "
            f"run's output{hint}"
        )
    if own is None:
        return output, ()
    return output, (
        "the affine of the prediction differs from that of the output and was not used: the voxels "
        "are assigned by their order",
    )


def _is_reoriented(own: Grid, output: Grid) -> bool:
    """Whether a grid has the same voxels as the output, in any orientation."""
    return own.reoriented(output.orientation).same_as(output)


def _cast(array: Array, quantity: Quantity) -> Array:
    """Cast labels to the smallest integer dtype, and other values to float32 unless integer."""
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
    """Write a prediction of a run's output to `path` as a SEG of the series at `source`.

    Of several series it is that of the record; `series` selects one where the record does not.
    Raises the errors of `seg_of_series`.
    """
    found = series_at(source, series=series)
    return seg_of_series(record, prediction, path, series=found, identity=identity)


def seg_of_series(
    record: Record,
    prediction: Prediction,
    path: Path,
    *,
    series: Sequence[CaseSource],
    identity: Identity = "remove",
) -> Restored:
    """Write a prediction of a run's output to `path` as a SEG of its series, one of `series`.

    It is resampled from the output's grid to the original slices in one step. Raises RefusedError
    if the files of the series are not those of the record, GeometryError if its grid is not that of
    the record, QuantityError if the prediction is not a label, and the errors of `write_seg`.
    """
    from hounsfield.dataset.case import open_case
    from hounsfield.io.dicom.seg.write import write_seg

    found = on_output(record, prediction)
    if found.volume.quantity not in ("label", "mask"):
        raise QuantityError(
            "the prediction has fractional or negative values; a segmentation requires labels"
        )
    case = case_of(record, series)
    stack = open_case(case, policy=ReadPolicy(gaps="fill"), quantity="other")
    if not stack.grid.same_as(record.source_grid):
        raise GeometryError(
            f"the series at --source has the grid {stack.grid!r}; expected that of the record, "
            f"{record.source_grid!r}"
        )
    write_seg(found.volume, path, source=stack, identity=identity)
    return Restored(
        found.volume,
        (*found.notes, "the segmentation contains the UIDs of the slices that it refers to"),
    )


def series_at(source: Path, *, series: str | None = None) -> tuple[CaseSource, ...]:
    """Return the series at `source`; raises ReadError if nothing is found."""
    from hounsfield.dataset.discover import NoCaseError, discover

    found = discover([str(source)], series=series)
    if not found.cases:
        raise NoCaseError([_missed(one) for one in found.missed])
    return found.cases


def case_of(record: Record, series: Sequence[CaseSource]) -> CaseSource:
    """Return the one of `series` that the run of the record read.

    The sha256 of the files identifies it: the grid does not, since two scans of one protocol may
    have the same, and the case id depends on the key of the user. Raises RefusedError:
    OTHER_SOURCE if no series has that sha256, and SEVERAL_SERIES if several remain.
    """
    cases = sorted(series, key=lambda case: case.id != record.case)
    wanted = record.source["sha256"]
    if wanted:
        cases = _same_files(cases, wanted, case_id=record.case)
    if len(cases) > 1 and cases[0].id != record.case:
        raise refused(
            "SEVERAL_SERIES",
            f"found {len(cases)} series, and the record names none of them; choose one with "
            "--series",
        )
    return cases[0]


def _same_files(cases: Sequence[CaseSource], wanted: str, *, case_id: str) -> list[CaseSource]:
    """Return the cases with a sha256; that with the id of the record, which is first, suffices."""
    from hounsfield.dataset.case import source_sha256

    found = []
    for case in cases:
        if source_sha256(case) == wanted:
            found.append(case)
            if case.id == case_id:
                break
    if not found:
        raise refused(
            "OTHER_SOURCE",
            "the files of the series at --source are not those of the record; use the folder that "
            "the run read",
        )
    return found


def _missed(one: NoCase) -> Diagnostic:
    return Diagnostic(one.code, "refusal", one.message, one.where or one.typed)
