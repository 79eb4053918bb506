"""Report an image file other than DICOM, from its header and voxels."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import QuantityError, RefusedError
from hounsfield.core.grid import Grid
from hounsfield.core.policy import ReadPolicy
from hounsfield.core.slice_geometry import SliceGeometry
from hounsfield.core.spec import Quantity
from hounsfield.core.volume import Volume
from hounsfield.core.volume_geometry import UNKNOWN, volume_geometry
from hounsfield.io.bytes.gzip.stream import Sequential
from hounsfield.io.formats import sniff
from hounsfield.io.open import declared_quantity, open_raw, open_stack, read_volume
from hounsfield.io.report import Report
from hounsfield.io.values.plausibility import check_hu_sample, not_hu_error, sample
from hounsfield.io.values.raw_image import RawImage

SAMPLED_BYTES = 64 << 20
"""Compressed voxels that inspection reads: 128 slices of 512 x 512, inflated in 0.1 s."""


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

    The voxels are read too, to check whether they can be HU; of over SAMPLED_BYTES of compressed
    voxels only the first. `values` reads all of them, for their range. `name` is the file name for
    `files`. Raises ReadError and other errors of the readers.
    """
    kind, files = sniff(path), (name or path.name,)
    try:
        raw = open_raw(path, series=series, policy=policy)
    except RefusedError as error:
        return Report(id=id, kind=kind, volume=UNKNOWN, reasons=error.diagnostics, files=files)
    report = replace(_of_header(raw, policy), id=id, kind=kind, files=files)
    if values:
        return _with_values(report, path, series=series, policy=policy)
    return _checked(report, path, raw, series=series, policy=policy)


def report_header(path: Path, *, policy: ReadPolicy) -> Report:
    """Report a file from its header alone, without id and files; raises the errors of readers."""
    raw = open_raw(path, policy=policy)
    return replace(_of_header(raw, policy), kind=sniff(path))


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


def _checked(
    report: Report, path: Path, raw: RawImage, *, series: str | None, policy: ReadPolicy
) -> Report:
    """Return the report with the diagnostics of the voxels, those of reading where it is small."""
    size = math.prod(raw.grid.shape) * raw.dtype.itemsize
    try:
        if raw.channels or report.quantity != "hu":
            return report
        if raw.packed is not None and size > SAMPLED_BYTES:
            found = _of_start(raw, policy, share=SAMPLED_BYTES / size)
        else:
            found = open_stack(path, series=series, policy=policy).finished()
    except RefusedError as error:
        return replace(report, reasons=_joined(report, error.diagnostics), quantity="other")
    return replace(report, reasons=_joined(report, found))


def _of_start(raw: RawImage, policy: ReadPolicy, *, share: float) -> tuple[Diagnostic, ...]:
    """Return the diagnostics of the first slices of compressed voxels; the rest is not read."""
    assert raw.packed is not None
    i, j, k = raw.grid.shape
    if policy.assume == "hu" or raw.quantity == "hu":
        return ()
    shape = (i, j, max(1, int(k * share)))
    voxels = Sequential(raw.packed, shape=shape, stored=raw.dtype, dtype=raw.dtype)
    sampled = sample(voxels.slab(0, shape[2])).astype(np.float64)
    return check_hu_sample(sampled[np.isfinite(sampled)], slope=raw.slope, intercept=raw.intercept)


def _joined(report: Report, found: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Return the reasons of a report and those of `found` that are new."""
    return report.reasons + tuple(each for each in found if each not in report.reasons)


def _with_values(report: Report, path: Path, *, series: str | None, policy: ReadPolicy) -> Report:
    try:
        volume = _read(path, series=series, policy=policy)
    except RefusedError as error:
        return replace(report, reasons=_joined(report, error.diagnostics), quantity="other")
    return replace(
        report,
        reasons=_joined(report, volume.diagnostics),
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
