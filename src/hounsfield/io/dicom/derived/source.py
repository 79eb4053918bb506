"""The DICOM series that an output is derived from: identifiers, positions, patient and study."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.errors import HounsfieldError, WriteError
from hounsfield.core.stack import Stack
from hounsfield.io.dicom.derived.uid import pseudonym_uid
from hounsfield.io.dicom.header.dataset import dataset_of, parse_errors
from hounsfield.io.dicom.header.frame import Frame
from hounsfield.io.dicom.header.geometry import LPS_TO_RAS
from hounsfield.io.dicom.read import source_frames

Identity = Literal["remove", "keep"]

PATIENT = (
    "SpecificCharacterSet",
    "PatientName",
    "PatientID",
    "IssuerOfPatientID",
    "PatientBirthDate",
    "PatientSex",
    "OtherPatientIDs",
    "EthnicGroup",
    "PatientComments",
    "PatientIdentityRemoved",
    "DeidentificationMethod",
)
"""The Patient Module (PS3.3 C.7.1.1) without its sequences."""

STUDY = (
    "StudyDate",
    "StudyTime",
    "ReferringPhysicianName",
    "StudyID",
    "AccessionNumber",
    "StudyDescription",
    "PatientAge",
    "PatientSize",
    "PatientWeight",
    "AdditionalPatientHistory",
)
"""The General Study and Patient Study Modules (PS3.3 C.7.2.1 and C.7.2.2) without the UID."""

EMPTY = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "ReferringPhysicianName",
    "StudyID",
    "AccessionNumber",
)
"""Required elements (type 2) that are written empty if the identity is removed."""

_POSITIONS = "HFP HFS HFDR HFDL FFDR FFDL FFP FFS LFP LFS RFP RFS AFDR AFDL PFDR PFDL"
POSITIONS = frozenset(_POSITIONS.split(" "))
"""Defined terms of PatientPosition (PS3.3 C.7.3.1.1.2)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DicomSource:
    """A source series: `frames`, their origins, slice normal and largest gap, and one header."""

    frames: tuple[Frame, ...]
    origins_ras_mm: NDArray[np.float64]
    normal_ras: NDArray[np.float64]
    max_gap_mm: float
    header: Any

    def uid(self, uid: str, identity: Identity) -> str:
        """A UID of the source as written: unchanged with identity='keep', else its pseudonym."""
        return uid if identity == "keep" else pseudonym_uid(uid)

    def near(
        self, corners_ras_mm: NDArray[np.float64], *, thickness_mm: float
    ) -> tuple[Frame, ...]:
        """The frames that a slice with these corners overlaps; the nearest one if none."""
        positions, span = self.origins_ras_mm @ self.normal_ras, corners_ras_mm @ self.normal_ras
        margin = (thickness_mm + self.max_gap_mm) / 2
        overlaps = (positions >= span.min() - margin) & (positions <= span.max() + margin)
        if not overlaps.any():
            return (self.frames[int(np.abs(positions - span.mean()).argmin())],)
        return tuple(self.frames[k] for k in np.flatnonzero(overlaps))


def dicom_source(stack: Stack) -> DicomSource:
    """The series of a Stack; raises WriteError if it was not read from DICOM."""
    kept = [
        (frame, origin)
        for frame, origin in zip(source_frames(stack), stack.origins_ras_mm, strict=True)
        if frame
    ]
    if not kept:
        raise WriteError(
            "source= is not a DICOM series; pass a Stack from hu.open, or the folder of a series"
        )
    frames = tuple(frame for frame, _ in kept)
    gaps = np.abs(stack.gaps_mm)
    return DicomSource(
        frames=frames,
        origins_ras_mm=np.array([origin for _, origin in kept]),
        normal_ras=stack.normal,
        max_gap_mm=float(gaps.max()) if len(gaps) else stack.step_mm,
        header=header_of(frames[0]),
    )


def header_of(frame: Frame) -> Any:
    """The header of a frame as a pydicom Dataset, without pixels; raises ReadError."""
    import pydicom

    if frame.offset is None or frame.pixels is None or frame.pixels.syntax.endswith(".1.99"):
        data = dataset_of(frame.source)
        if "PixelData" in data:
            del data.PixelData
        return data
    with parse_errors(frame.source.name):
        head = io.BytesIO(frame.source.read(0, frame.offset))
        return pydicom.dcmread(head, force=True, stop_before_pixels=True)


def put_owner(target: Any, source: DicomSource | None, identity: Identity) -> None:
    """Write the patient and study modules: copied, or empty and marked as de-identified."""
    for keyword in EMPTY:
        setattr(target, keyword, "")
    if source is None or identity == "remove":
        target.PatientIdentityRemoved = "YES"
        target.DeidentificationMethod = "only listed attributes are written"
        return
    for keyword in (*PATIENT, *STUDY):
        _copy(target, source.header, keyword)
    if target.get("PatientIdentityRemoved") == "YES" and "DeidentificationMethod" not in target:
        target.DeidentificationMethod = "not stated by the source"


def _copy(target: Any, header: Any, keyword: str) -> None:
    """Copy one element that is not a sequence; skip it if pydicom cannot read it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            if keyword in header and header[keyword].VR != "SQ" and not header[keyword].is_empty:
                target[keyword] = header[keyword]
        except HounsfieldError:
            raise
        except Exception:  # an invalid value must not prevent copying the others
            return


def defined_term(header: Any, keyword: str, allowed: Sequence[str] | frozenset[str]) -> str:
    """The value of an attribute if it is one of `allowed`, else ''."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        value = str(header.get(keyword) or "").strip().upper()
    return value if value in allowed else ""


def lps(vector_ras: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convert a vector or point from RAS+ to LPS+."""
    return np.asarray(vector_ras * LPS_TO_RAS, dtype=np.float64)
