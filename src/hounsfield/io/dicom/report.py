"""What lies under a path: one report for each series, from headers alone."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.policy import ReadPolicy
from hounsfield.io.bytes.case_id import user_key
from hounsfield.io.dicom.files.listing import sources
from hounsfield.io.dicom.header.frame import Frame, diagnose
from hounsfield.io.dicom.header.geometry import LPS_TO_RAS, axes, plane
from hounsfield.io.dicom.header.scan_headers import Other, Progress, scan_headers
from hounsfield.io.dicom.series.classify import Kind
from hounsfield.io.dicom.series.select_series import readable_series
from hounsfield.io.dicom.series.series import Series, series_of
from hounsfield.io.dicom.series.spacing import tally
from hounsfield.io.dicom.series.validate import ValidatedSeries, validate

Verdict = Literal["ok", "repairable", "refused"]

_APART: dict[str, tuple[str, str]] = {
    "localizer": ("LOCALIZER", "a localizer: it is no stack of slices"),
    "screen": (
        "SCREEN",
        "a picture of a screen (dose, protocol, patient): it may show who the patient is",
    ),
    "secondary": ("SECONDARY", "a secondary capture: its values and place are not the scanner's"),
    "not-ct": ("NOT_CT", "not CT"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesReport:
    """What one series is and whether it can be read; `reasons` name files relative to the path that was scanned."""

    number: int | None
    id: str
    kind: Kind
    slices: int
    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float] | None
    gaps_mm: tuple[tuple[float, int], ...]
    orientation: str
    tilt_deg: float
    kernel: str
    codec: str
    quantity: str
    verdict: Verdict
    reasons: tuple[Diagnostic, ...]
    contrast: bool = False
    phase: str = ""

    def to_json(self) -> dict[str, Any]:
        """It for `inspect --json`: files by ordinal and keyed hash, never by name; numbers unrounded."""
        return {
            "number": self.number,
            "id": self.id,
            "kind": self.kind,
            "slices": self.slices,
            "shape": list(self.shape),
            "spacing_mm": None if self.spacing_mm is None else list(self.spacing_mm),
            "gaps_mm": [[mm, count] for mm, count in self.gaps_mm],
            "orientation": self.orientation,
            "tilt_deg": self.tilt_deg,
            "kernel": self.kernel,
            "codec": self.codec,
            "quantity": self.quantity,
            "verdict": self.verdict,
            "contrast": self.contrast,
            "phase": self.phase,
            "reasons": [
                {
                    "code": reason.code,
                    "message": reason.message,
                    "value": reason.value,
                    "files": [hidden_name(ordinal, name) for ordinal, name in reason.files],
                }
                for reason in self.reasons
            ],
        }


class Scan(list[SeriesReport]):
    """The reports of a path, and the other files that lie there, each with its code."""

    def __init__(self, reports: Sequence[SeriesReport], other: Sequence[Other]) -> None:
        super().__init__(reports)
        self.other = tuple(other)

    def to_json(self) -> dict[str, Any]:
        """The whole answer of `inspect --json`."""
        return {
            "schema": 1,
            "series": [report.to_json() for report in self],
            "other": [
                {"file": hidden_name(item.ordinal, item.name), "code": item.code}
                for item in self.other
            ],
        }


def scan_dicom(path: Path, progress: Progress | None = None) -> Scan:
    """Reports of every series under `path` (file, folder, archive or DICOMDIR), from headers alone.

    `progress` is called with the number of files done and of all. Raises ReadError where `path` cannot be listed.
    """
    listed = sources(path)
    result = scan_headers(listed, total=len(listed), progress=progress)
    found = series_of(result)
    numbers = {id(series): number for number, series in enumerate(readable_series(found))}
    return Scan([report(each, number=numbers.get(id(each))) for each in found], result.other)


def scan(path: str | Path) -> Scan:
    """`scan_dicom` as `hu.scan`: the reports of every series under `path`, from headers alone; raises ReadError."""
    return scan_dicom(Path(path))


def hidden_name(ordinal: int, name: str) -> str:
    """A file's name for what is written down: its ordinal and a keyed hash of its name.

    >>> len(hidden_name(3, "DOE_JOHN/0001.dcm"))
    10
    """
    digest = hmac.new(
        user_key(), b"file\0" + name.encode("utf-8", "surrogateescape"), hashlib.sha256
    )
    return f"{ordinal}-{digest.hexdigest()[:8]}"


def report(series: Series, *, number: int | None = None) -> SeriesReport:
    """The report of one series; `number` is what selects it when it is read."""
    group = series.group
    first = group.frames[0]
    if series.is_readable:
        seen = validate(series, ReadPolicy())
    else:
        code, message = _APART[group.kind]
        unshared = diagnose(code, "refusal", message, frames=group.frames)
        seen = ValidatedSeries(
            group.frames, np.zeros(0), (*series.diagnostics, unshared), quantity="other"
        )
    rows, columns = first.size
    return SeriesReport(
        number=number,
        id=series.id,
        kind=group.kind,
        slices=len(seen.frames),
        shape=(columns, rows, len(seen.frames)),
        spacing_mm=_spacing(seen),
        gaps_mm=tally(np.diff(seen.positions_mm)),
        orientation=_orientation(first),
        tilt_deg=seen.tilt_deg,
        kernel=first.kernel,
        codec=_codec(group.frames),
        quantity=seen.quantity,
        verdict=verdict(seen.diagnostics),
        reasons=seen.diagnostics,
        contrast=first.contrast,
        phase=group.phase,
    )


def verdict(diagnostics: Sequence[Diagnostic]) -> Verdict:
    """refused, repairable or ok, by the gravest diagnostic."""
    severities = {diagnostic.severity for diagnostic in diagnostics}
    return (
        "refused" if "refusal" in severities else "repairable" if "repair" in severities else "ok"
    )


def _spacing(seen: ValidatedSeries) -> tuple[float, float, float] | None:
    first, places = seen.frames[0], seen.positions_mm
    if not first.spacing_mm or not len(places):
        return None
    step = float(np.median(np.diff(places))) if len(places) > 1 else first.thickness_mm or 1.0
    return (first.spacing_mm[1], first.spacing_mm[0], step)


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
