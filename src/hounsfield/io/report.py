"""What inspection reports of a DICOM series or an image file, from its headers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from hounsfield.core.diagnostic import Diagnostic, worst
from hounsfield.core.spec import Quantity
from hounsfield.core.volume_geometry import VolumeGeometry
from hounsfield.io.bytes.case_id import hidden_name

SCHEMA = 2
"""The version of what `to_json` returns."""


Verdict = Literal["ok", "repairable", "doubtful", "refused"]

_VERDICTS: dict[str | None, Verdict] = {
    None: "ok",
    "note": "ok",
    "repair": "repairable",
    "warning": "doubtful",
    "refusal": "refused",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What one DICOM series or one image file is, and whether it can be read.

    Spacing, tilt and evenness are computed by the functions that reading uses, so they are those of the Stack that
    `hounsfield.open` returns under the same policy.

    Parameters
    ----------
    id
        The case id, which names no patient.
    kind
        ``axial``, ``coronal``, ``sagittal``, ``enhanced``, ``localizer``, ``screen``, ``secondary`` or ``not-ct`` for
        DICOM, else the format, such as ``nifti``.
    slices
        How many slices are stored.
    shape
        Columns, rows and slices; empty where the file cannot be read.
    spacing_mm
        Spacing along (i, j, k) of the volume that reading gives; None where it is not known.
    gaps_mm
        The different distances between neighbouring slices, as (mm, count), ascending.
    orientation
        Three letters, such as ``LPS``: the directions in which i, j and k ascend.
    tilt_deg
        The angle between the slice normal and the line through the slices.
    volume
        Obliquity and regularity, by the definitions of the Imaging Data Commons.
    kernel
        The reconstruction kernel; ``other`` for one that is unknown.
    codec
        How pixels are compressed; empty for formats other than DICOM.
    quantity
        What the values are, as far as headers say.
    reasons
        What was found; files are named relative to the path that was inspected.
    contrast, phase
        Whether a contrast agent was given; which of several phases it is.
    number
        What selects a series of CT slices as ``series=``, counted from 0; None for what has no number.
    dtype
        The stored type, where the header gives one.
    value_range
        The lowest and highest value; None unless voxels were read.
    files
        The files, relative to the path that was inspected; for the terminal, and for JSON only where asked for.
    """

    id: str
    kind: str
    slices: int = 0
    shape: tuple[int, ...] = ()
    spacing_mm: tuple[float, float, float] | None = None
    gaps_mm: tuple[tuple[float, int], ...] = ()
    orientation: str = ""
    tilt_deg: float = 0.0
    volume: VolumeGeometry
    kernel: str = ""
    codec: str = ""
    quantity: Quantity = "other"
    reasons: tuple[Diagnostic, ...] = ()
    contrast: bool = False
    phase: str = ""
    number: int | None = None
    dtype: str = ""
    value_range: tuple[float, float] | None = None
    files: tuple[str, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """ok, repairable (a repair), doubtful (a warning) or refused (a refusal), by the most serious reason."""
        return _VERDICTS[worst(self.reasons)]

    @property
    def obliquity_degrees(self) -> float | None:
        """The angle between the slice normal and the nearest axis of the patient."""
        return self.volume.obliquity_degrees

    @property
    def uniform_slice_spacing(self) -> bool | None:
        """Whether no gap differs by 0.2 mm or more from the mean one."""
        return self.volume.uniform_slice_spacing

    @property
    def unique_slice_positions(self) -> bool | None:
        """Whether no two slices are at one position."""
        return self.volume.unique_slice_positions

    @property
    def regularly_spaced_3d_volume(self) -> bool | None:
        """Whether the slices are a regular volume without resampling."""
        return self.volume.regularly_spaced_3d_volume

    def to_json(self, *, paths: bool = False) -> dict[str, Any]:
        """Return it as plain data, numbers unrounded, files by ordinal and keyed hash; `paths` adds their names."""
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
            "obliquity_degrees": self.obliquity_degrees,
            "uniform_slice_spacing": self.uniform_slice_spacing,
            "unique_slice_positions": self.unique_slice_positions,
            "regularly_spaced_3d_volume": self.regularly_spaced_3d_volume,
            "kernel": self.kernel,
            "codec": self.codec,
            "quantity": self.quantity,
            "verdict": self.verdict,
            "contrast": self.contrast,
            "phase": self.phase,
            "dtype": self.dtype,
            "value_range": None if self.value_range is None else list(self.value_range),
            "reasons": [_reason(reason, paths=paths) for reason in self.reasons],
            **({"paths": list(self.files)} if paths else {}),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherFile:
    """A file that is no series and no image: its name below the path that was inspected, hidden in JSON."""

    name: str
    hidden: str
    code: str
    message: str = ""

    def to_json(self, *, paths: bool = False) -> dict[str, str]:
        """Return it as plain data; `paths` adds its name."""
        return {"file": self.hidden, "code": self.code, **({"path": self.name} if paths else {})}


class Inspection(list[Report]):
    """The reports of a path, and in `other` the files there that have none."""

    def __init__(self, reports: Iterable[Report], other: Iterable[OtherFile] = ()) -> None:
        super().__init__(reports)
        self.other = tuple(other)

    def to_json(self, *, paths: bool = False) -> dict[str, Any]:
        """Return what `inspect --json` prints; `paths` adds the names of files, relative to what was inspected."""
        return {
            "schema": SCHEMA,
            "series": [report.to_json(paths=paths) for report in self],
            "other": [item.to_json(paths=paths) for item in self.other],
        }


def _reason(reason: Diagnostic, *, paths: bool) -> dict[str, Any]:
    return {
        "code": reason.code,
        "severity": reason.severity,
        "message": reason.message,
        "value": reason.value,
        "files": [hidden_name(ordinal, name) for ordinal, name in reason.files],
        **({"paths": [name for _, name in reason.files]} if paths else {}),
    }
