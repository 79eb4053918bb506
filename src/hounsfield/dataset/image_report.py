"""Report an image file other than DICOM, from its header and optionally its voxels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import QuantityError, RefusedError
from hounsfield.core.grid import Grid
from hounsfield.core.policy import ReadPolicy
from hounsfield.core.slice_geometry import SliceGeometry
from hounsfield.core.spec import Quantity
from hounsfield.core.volume import Volume
from hounsfield.core.volume_geometry import UNKNOWN, volume_geometry
from hounsfield.io.formats import sniff
from hounsfield.io.open import declared_quantity, open_raw, open_stack, read_volume
from hounsfield.io.report import Report
from hounsfield.io.values.plausibility import not_hu_error
from hounsfield.io.values.raw_image import RawImage


def report_image(
    path: Path,
    *,
    id: str,
    name: str = "",
    policy: ReadPolicy,
    series: str | None = None,
    values: bool = False,
) -> Report:
    """Report a file; a refusal is part of the report.

    `values` also reads the voxels, for their range and whether they can be HU. `name` is the file
    name for `files`. Raises ReadError and other errors of the readers.
    """
    kind, files = sniff(path), (name or path.name,)
    try:
        raw = open_raw(path, series=series, policy=policy)
    except RefusedError as error:
        return Report(id=id, kind=kind, volume=UNKNOWN, reasons=error.diagnostics, files=files)
    report = replace(_of_header(raw, policy), id=id, kind=kind, files=files)
    return _with_values(report, path, series=series, policy=policy) if values else report


def _of_header(raw: RawImage, policy: ReadPolicy) -> Report:
    quantity, reasons = _quantity(raw, policy)
    slices = SliceGeometry.of_grid(raw.grid)
    return Report(
        id="",
        kind="",
        slices=raw.grid.shape[2],
        shape=raw.grid.shape,
        spacing_mm=raw.grid.spacing_mm,
        gaps_mm=_gaps(raw.grid, slices),
        orientation=raw.grid.orientation,
        tilt_deg=slices.tilt_deg,
        volume=volume_geometry(slices),
        quantity=quantity,
        reasons=raw.diagnostics + reasons,
        dtype=str(raw.dtype.newbyteorder("=")),
    )


def _gaps(grid: Grid, slices: SliceGeometry) -> tuple[tuple[float, int], ...]:
    """Return one gap, from the affine: differences of positions have rounding errors."""
    count = grid.shape[2] - 1
    return ((float(abs(slices.normal @ grid.affine[:3, 2])), count),) if count else ()


def _quantity(raw: RawImage, policy: ReadPolicy) -> tuple[Quantity, tuple[Diagnostic, ...]]:
    """Return the quantity by the header only, and the reasons for a refusal."""
    if raw.quantity is not None:
        return raw.quantity, ()
    if raw.not_hu is None or policy.assume == "hu":
        return "hu", ()
    return "other", not_hu_error(raw.not_hu).diagnostics


def _with_values(report: Report, path: Path, *, series: str | None, policy: ReadPolicy) -> Report:
    try:
        volume = _read(path, series=series, policy=policy)
    except RefusedError as error:
        new = tuple(each for each in error.diagnostics if each not in report.reasons)
        return replace(report, reasons=report.reasons + new, quantity="other")
    new = tuple(each for each in volume.diagnostics if each not in report.reasons)
    return replace(
        report,
        reasons=report.reasons + new,
        quantity=volume.quantity,
        value_range=(float(volume.array.min()), float(volume.array.max())),
    )


def _read(path: Path, *, series: str | None, policy: ReadPolicy) -> Volume:
    """Read the volume of a file, including channels."""
    try:
        return open_stack(path, series=series, policy=policy).volume()
    except QuantityError:
        found = declared_quantity(path, series=series, policy=policy)
        return read_volume(path, series=series, quantity=found or "other", policy=policy)
