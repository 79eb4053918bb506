"""Report on all DICOM series of a path, from their headers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import HounsfieldError
from hounsfield.core.policy import DEFAULT_POLICY, ReadPolicy
from hounsfield.io.bytes.case_id import hidden_name, patient_id, study_id
from hounsfield.io.dicom.files.listing import sources
from hounsfield.io.dicom.files.source import Source
from hounsfield.io.dicom.header.frame import Frame, diagnose
from hounsfield.io.dicom.header.geometry import LPS_TO_RAS, axes, plane
from hounsfield.io.dicom.header.scan_headers import Progress, scan_headers
from hounsfield.io.dicom.series.kernel_class import kernel_class
from hounsfield.io.dicom.series.select_series import readable_series
from hounsfield.io.dicom.series.series import Series, series_of, unread_files
from hounsfield.io.dicom.series.spacing import tally
from hounsfield.io.dicom.series.to_stack import stack_of
from hounsfield.io.dicom.series.validate import ValidatedSeries, validate
from hounsfield.io.report import Inspection, OtherFile, Report

_NOT_READABLE: dict[str, tuple[str, str]] = {
    "localizer": ("LOCALIZER", "a localizer, not a stack of slices"),
    "screen": (
        "SCREEN",
        "a screen capture (dose, protocol, patient), which may show patient identity",
    ),
    "secondary": (
        "SECONDARY",
        "a secondary capture, without the values and position of the scanner",
    ),
    "not-ct": ("NOT_CT", "not CT"),
}


_SEGMENTATIONS = "1.2.840.10008.5.1.4.1.1.66."
"""The start of the SOP classes of SEG objects and registrations (PS3.4 B.5)."""


class DicomInspection(Inspection):
    """The reports on DICOM.

    `labels` has the sources that may be RTSTRUCT or SEG, `series` the series of the reports.
    """

    labels: tuple[Source, ...] = ()
    series: tuple[Series, ...] = ()


def scan_dicom(
    path: Path,
    progress: Progress | None = None,
    *,
    policy: ReadPolicy = DEFAULT_POLICY,
    values: bool = False,
) -> DicomInspection:
    """Reports of every series under `path` (file, folder, archive or DICOMDIR), from headers alone.

    `values` also decodes a few slices of each, to check their values. `progress` is called with the
    number of files done and the total. Raises ReadError if `path` cannot be listed.
    """
    listed = sources(path)
    result = scan_headers(listed, total=len(listed), progress=progress)
    other = [
        OtherFile(name=item.name, hidden=hidden_name(item.ordinal, item.name), code=item.code)
        for item in result.other
    ]
    found = series_of(result)
    numbers = {id(series): number for number, series in enumerate(readable_series(found))}
    segmented = [series for series in found if _is_segmentation(series)]
    found = [series for series in found if series not in segmented]
    reports = [
        report(series, policy=policy, extra=unread_files(result, series), values=values)
        for series in found
    ]
    numbered = [
        replace(made, number=numbers.get(id(series)))
        for made, series in zip(reports, found, strict=True)
    ]
    made = DicomInspection(numbered, other)
    without_pixels = {item.name for item in result.other if item.code == "NO_PIXELS"}
    frames = [frame for series in segmented for frame in series.group.frames]
    sources_of = {frame.source.name: frame.source for frame in frames}
    sources_of |= {each.name: each for each in listed if each.name in without_pixels}
    made.labels = tuple(sources_of.values())
    made.series = tuple(found)
    return made


def _is_segmentation(series: Series) -> bool:
    return all(frame.sop_class.startswith(_SEGMENTATIONS) for frame in series.group.frames)


def report(
    series: Series,
    *,
    policy: ReadPolicy = DEFAULT_POLICY,
    extra: Sequence[Diagnostic] = (),
    values: bool = False,
) -> Report:
    """Report on one series: the diagnostics of its headers under `policy`, and `extra`.

    `values` adds those of the values of a few slices.
    """
    group = series.group
    first = group.frames[0]
    rows, columns = first.size
    if series.is_readable:
        seen = validate(series, policy)
        reasons = (*seen.diagnostics, *extra)
        if values and not seen.refusals:
            reasons = _of_values(seen, policy, extra)
    else:
        code, message = _NOT_READABLE[group.kind]
        seen = ValidatedSeries(group.frames, quantity="other")
        not_readable = diagnose(code, "refusal", message, frames=group.frames)
        reasons = (*series.diagnostics, not_readable)
    return Report(
        id=series.id,
        kind=group.kind,
        slices=len(seen.frames),
        shape=(columns, rows, len(seen.frames)),
        spacing_mm=_spacing(seen),
        gaps_mm=tally(np.diff(seen.positions_mm)),
        orientation=_orientation(first),
        tilt_deg=0.0 if seen.slices is None else seen.slices.tilt_deg,
        volume=seen.volume,
        kernel=first.kernel,
        kernel_class=kernel_class(first.kernel, first.manufacturer),
        thickness_mm=max((one.thickness_mm or 0.0 for one in seen.frames), default=0.0) or None,
        codec=_codec(group.frames),
        quantity=seen.quantity,
        reasons=reasons,
        contrast=first.contrast,
        phase=group.phase,
        dtype=_dtype(first),
        files=series.names,
        study=study_id(first.study),
        patient=patient_id(first.patient),
    )


def _of_values(
    seen: ValidatedSeries, policy: ReadPolicy, extra: Sequence[Diagnostic]
) -> tuple[Diagnostic, ...]:
    """The diagnostics of reading, with those of the values; a refusal if a slice is corrupt."""
    try:
        return stack_of(seen, policy, extra=extra).finished()
    except HounsfieldError as error:
        return (*seen.diagnostics, *extra, *error.diagnostics)


def _spacing(seen: ValidatedSeries) -> tuple[float, float, float] | None:
    """That of the volume that reading gives; missing slices count as filled."""
    if seen.slices is None:
        return None
    row, column = seen.frames[0].spacing_mm[:2]
    return (column, row, seen.slices.step_mm)


def _orientation(frame: Frame) -> str:
    pair = axes(frame.orientation)
    if pair is None:
        return ""
    letters = (("L", "R"), ("P", "A"), ("I", "S"))
    named = []
    for vector in (*pair, np.cross(*pair)):
        ras = vector * LPS_TO_RAS
        axis = ("sagittal", "coronal", "axial").index(plane(vector))
        named.append(letters[axis][int(ras[axis] > 0)])
    return "".join(named)


def _codec(frames: Sequence[Frame]) -> str:
    names = sorted({frame.pixels.codec for frame in frames if frame.pixels is not None})
    return names[0] if len(names) == 1 else "mixed" if names else "none"


def _dtype(frame: Frame) -> str:
    form = frame.pixels
    return str(form.dtype) if form is not None and form.allocated in (8, 16, 32) else ""
