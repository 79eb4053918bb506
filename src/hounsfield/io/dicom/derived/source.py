"""The DICOM series that something is derived from: its slices' identifiers and places, and its owner's modules."""

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
from hounsfield.io.dicom.header.dataset import dataset_of, parsing
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
"""The Patient Module (PS3.3 C.7.1.1), as far as it is plain elements."""

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
"""The General Study and Patient Study Modules (PS3.3 C.7.2.1 and C.7.2.2), but for the UID."""

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
"""Elements that must be there, empty where nobody may be named (type 2)."""

POSITIONS = frozenset(
    {
        "HFP",
        "HFS",
        "HFDR",
        "HFDL",
        "FFDR",
        "FFDL",
        "FFP",
        "FFS",
        "LFP",
        "LFS",
        "RFP",
        "RFS",
        "AFDR",
        "AFDL",
        "PFDR",
        "PFDL",
    }
)
"""Defined terms of PatientPosition (PS3.3 C.7.3.1.1.2)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DicomSource:
    """A DICOM series as what is derived from it sees it: `frames`, their places along `normal_ras`, one header."""

    frames: tuple[Frame, ...]
    origins_ras_mm: NDArray[np.float64]
    normal_ras: NDArray[np.float64]
    reach_mm: float
    header: Any

    def uid(self, uid: str, identity: Identity) -> str:
        """A UID of the source as it is written: its own with identity='keep', else its pseudonym."""
        return uid if identity == "keep" else pseudonym_uid(uid)

    def near(
        self, corners_ras_mm: NDArray[np.float64], *, thickness_mm: float
    ) -> tuple[Frame, ...]:
        """The frames that a slice with these corners may have been made of; the nearest one where it lies beyond."""
        places, span = self.origins_ras_mm @ self.normal_ras, corners_ras_mm @ self.normal_ras
        room = (thickness_mm + self.reach_mm) / 2
        chosen = np.flatnonzero((places >= span.min() - room) & (places <= span.max() + room))
        if not len(chosen):
            chosen = np.array([np.abs(places - span.mean()).argmin()])
        return tuple(self.frames[k] for k in chosen)


def dicom_source(stack: Stack) -> DicomSource:
    """The series behind a Stack; raises WriteError where it did not come from DICOM."""
    kept = [
        (frame, origin)
        for frame, origin in zip(source_frames(stack), stack.origins_ras_mm, strict=True)
        if frame
    ]
    if not kept:
        raise WriteError(
            "source= is no DICOM series: give the Stack that hu.open made of one, or its folder"
        )
    frames = tuple(frame for frame, _ in kept)
    gaps = np.abs(stack.gaps_mm)
    return DicomSource(
        frames=frames,
        origins_ras_mm=np.array([origin for _, origin in kept]),
        normal_ras=stack.normal,
        reach_mm=float(gaps.max()) if len(gaps) else stack.step_mm,
        header=header_of(frames[0]),
    )


def header_of(frame: Frame) -> Any:
    """The header behind a frame as pydicom's data set, without its pixels; raises ReadError."""
    import pydicom

    if frame.offset is None or frame.pixels is None or frame.pixels.syntax.endswith(".1.99"):
        data = dataset_of(frame.source)
        if "PixelData" in data:
            del data.PixelData
        return data
    with parsing(frame.source.name):
        head = io.BytesIO(frame.source.read(0, frame.offset))
        return pydicom.dcmread(head, force=True, stop_before_pixels=True)


def put_owner(target: Any, source: DicomSource | None, identity: Identity) -> None:
    """The patient and study modules: the source's own, or empty with the statement that identity was removed."""
    for keyword in EMPTY:
        setattr(target, keyword, "")
    if source is None or identity == "remove":
        target.PatientIdentityRemoved, target.DeidentificationMethod = (
            "YES",
            "only listed attributes are written",
        )
        return
    for keyword in (*PATIENT, *STUDY):
        _copy(target, source.header, keyword)
    if target.get("PatientIdentityRemoved") == "YES" and "DeidentificationMethod" not in target:
        target.DeidentificationMethod = "not said by the source"


def _copy(target: Any, header: Any, keyword: str) -> None:
    """Copy one plain element; one that pydicom cannot read stays out."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            if keyword in header and header[keyword].VR != "SQ" and not header[keyword].is_empty:
                target[keyword] = header[keyword]
        except HounsfieldError:
            raise
        except Exception:  # a value that breaks its own rules is no reason to lose the others
            return


def defined_term(header: Any, keyword: str, allowed: Sequence[str] | frozenset[str]) -> str:
    """A header's value where it is one of the words `allowed`, else ''."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        value = str(header.get(keyword) or "").strip().upper()
    return value if value in allowed else ""


def lps(vector_ras: NDArray[np.float64]) -> NDArray[np.float64]:
    """A vector or point of RAS+ in DICOM's LPS+."""
    return np.asarray(vector_ras * LPS_TO_RAS, dtype=np.float64)
