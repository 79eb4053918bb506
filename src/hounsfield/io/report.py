"""The report of inspection on a DICOM series or image file, from its headers."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from hounsfield.core.arguments import checked
from hounsfield.core.diagnostic import Diagnostic, worst
from hounsfield.core.spec import Quantity
from hounsfield.core.volume_geometry import VolumeGeometry
from hounsfield.io.bytes.case_id import hidden_name

SCHEMA = 2
"""The schema version of `to_json`."""


Verdict = Literal["ok", "repairable", "doubtful", "refused"]

KernelClass = Literal["soft", "medium", "sharp", "unknown"]
"""How smooth a reconstruction kernel is."""

_VERDICTS: dict[str | None, Verdict] = {
    None: "ok",
    "note": "ok",
    "repair": "repairable",
    "warning": "doubtful",
    "refusal": "refused",
}


@checked
@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Describe one DICOM series or image file, and tell whether it can be read.

    Spacing, tilt and uniformity are computed by the functions used for reading, so they equal those
    of the Stack that `hounsfield.open` returns under the same policy.

    Parameters
    ----------
    id : str
        The case id, without patient identity.
    kind : str
        ``axial``, ``coronal``, ``sagittal``, ``enhanced``, ``localizer``, ``screen``,
        ``secondary``, ``not-ct``, ``rtstruct`` or ``seg`` for DICOM, else the format, such as
        ``nifti``.
    slices : int, default 0
        The number of stored slices.
    shape : tuple of int, default ()
        Columns, rows and slices; empty if the file cannot be read.
    spacing_mm : (float, float, float), optional
        Spacing along (i, j, k) of the volume after reading; None if unknown.
    gaps_mm : tuple of (float, int), default ()
        The distinct distances between neighbouring slices, as (mm, count), ascending.
    orientation : str
        Three letters, such as ``LPS``: the directions of increasing i, j and k.
    tilt_deg : float, default 0
        The angle between the slice normal and the line through the slices.
    volume : VolumeGeometry
        Obliquity and regularity, as defined by the Imaging Data Commons.
    kernel : str
        The reconstruction kernel; ``other`` if it is unknown.
    kernel_class : {'soft', 'medium', 'sharp', 'unknown'}, default 'unknown'
        The class of the kernel, by the table of its manufacturer.
    thickness_mm : float, optional
        The slice thickness; the largest if it varies, None if the header does not state it.
    codec : str
        The compression of the pixels; empty for formats other than DICOM.
    quantity : str
        The quantity of the values, as far as headers declare it.
    reasons : tuple of Diagnostic, default ()
        The diagnostics; their files are relative to the inspected path.
    contrast, phase : bool and str
        Whether a contrast agent was given; the contrast phase.
    number : int, optional
        The number of a series of CT slices for ``series=``, counted from 0; else None.
    dtype : str
        The stored type, if the header declares one.
    value_range : (float, float), optional
        The minimum and maximum; None unless all voxels were read.
    files : tuple of str, default ()
        The files, relative to the inspected path; in JSON only on request.
    regions : tuple of str, default ()
        The regions of an RTSTRUCT or segments of a SEG; a name that may identify a patient is
        replaced by a number.
    region_names : tuple of str, default ()
        The names of the regions in the header, in the same order; never in JSON.
    refers_to : str
        The id of the series that an RTSTRUCT or SEG refers to.
    is_broken : bool, default False
        Whether the file cannot be read at all.
    study, patient : str
        Ids of the study and of the patient, which do not identify them; empty if unknown.

    Examples
    --------
    >>> import tempfile, numpy as np, hounsfield as hu
    >>> ct = hu.Volume.from_array(np.zeros((4, 4, 2), np.int16), affine=np.eye(4))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     hu.write(ct, f"{folder}/ct.nii.gz")
    ...     hu.inspect(folder)[0].shape
    (4, 4, 2)
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
    kernel_class: KernelClass = "unknown"
    thickness_mm: float | None = None
    codec: str = ""
    quantity: Quantity = "other"
    reasons: tuple[Diagnostic, ...] = ()
    contrast: bool = False
    phase: str = ""
    number: int | None = None
    dtype: str = ""
    value_range: tuple[float, float] | None = None
    files: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    region_names: tuple[str, ...] = ()
    refers_to: str = ""
    is_broken: bool = False
    study: str = ""
    patient: str = ""

    def __repr__(self) -> str:
        return f"Report({self.id}, {self.kind}, {self.slices} slices, {self.verdict})"

    @property
    def verdict(self) -> Verdict:
        """ok, repairable (repair), doubtful (warning) or refused (refusal), by the worst reason."""
        return _VERDICTS[worst(self.reasons)]

    @property
    def extent_mm(self) -> float | None:
        """The extent along the slices: from the first to the last one, and one spacing."""
        if self.spacing_mm is None:
            return None
        return sum(mm * count for mm, count in self.gaps_mm) + self.spacing_mm[2]

    @property
    def obliquity_degrees(self) -> float | None:
        """The angle between the slice normal and the nearest patient axis."""
        return self.volume.obliquity_degrees

    @property
    def uniform_slice_spacing(self) -> bool | None:
        """Whether all slice distances are within 0.2 mm of their mean."""
        return self.volume.uniform_slice_spacing

    @property
    def unique_slice_positions(self) -> bool | None:
        """Whether all slice positions are distinct."""
        return self.volume.unique_slice_positions

    @property
    def regularly_spaced_3d_volume(self) -> bool | None:
        """Whether the slices form a regular volume without resampling."""
        return self.volume.regularly_spaced_3d_volume

    def to_json(self, *, paths: bool = False) -> dict[str, Any]:
        """Return the report as plain data, with unrounded numbers.

        Parameters
        ----------
        paths : bool, default False
            Include names of files; else files have an ordinal and a keyed hash.

        Returns
        -------
        dict of str to Any
            The row of ``hounsfield inspect --json``.
        """
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
            "kernel_class": self.kernel_class,
            "thickness_mm": self.thickness_mm,
            "extent_mm": self.extent_mm,
            "codec": self.codec,
            "quantity": self.quantity,
            "verdict": self.verdict,
            "contrast": self.contrast,
            "phase": self.phase,
            "dtype": self.dtype,
            "value_range": None if self.value_range is None else list(self.value_range),
            "reasons": [_reason(reason, paths=paths) for reason in self.reasons],
            "regions": list(self.regions),
            "refers_to": self.refers_to,
            "study": self.study,
            "patient": self.patient,
            **({"paths": list(self.files)} if paths else {}),
        }

    @property
    def folder(self) -> str:
        """The one file, or the deepest folder of its files, relative to the inspected path."""
        if len(self.files) < 2:
            return "".join(self.files)
        return os.path.commonpath([os.path.dirname(name) or "." for name in self.files])


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherFile:
    """A file that is not part of an image; `name` is relative to the inspected path."""

    name: str
    hidden: str
    code: str
    message: str = ""

    def to_json(self, *, paths: bool = False) -> dict[str, str]:
        """Return plain data with the hidden name; `paths` adds the name."""
        return {"file": self.hidden, "code": self.code, **({"path": self.name} if paths else {})}


class Inspection(list[Report]):
    """The reports on a path; `other` has the files without a report."""

    def __init__(self, reports: Iterable[Report], other: Iterable[OtherFile] = ()) -> None:
        super().__init__(reports)
        self.other = tuple(other)

    def to_json(self, *, paths: bool = False) -> dict[str, Any]:
        """Return the data of `inspect --json`; `paths` adds file names relative to the path."""
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
