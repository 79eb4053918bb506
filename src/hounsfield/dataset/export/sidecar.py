"""The JSON sidecar of a CT in BIDS, with the keys of dcm2niix and nothing of the patient."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from hounsfield.core.errors import HounsfieldError
from hounsfield.core.policy import ReadPolicy
from hounsfield.dataset.export.cohort import ExportCase

MANUFACTURERS = (
    ("SIEMENS", "Siemens"),
    ("GE ", "GE"),
    ("PHILIPS", "Philips"),
    ("TOSHIBA", "Toshiba"),
    ("CANON", "Canon"),
    ("HITACHI", "Hitachi"),
    ("UIH", "UIH"),
)
"""Start of Manufacturer (0008,0070) in upper case, and the name that dcm2niix gives it."""

TEXTS: Mapping[str, str] = {
    "ManufacturersModelName": "ManufacturerModelName",
    "BodyPart": "BodyPartExamined",
    "PatientPosition": "PatientPosition",
    "SoftwareVersions": "SoftwareVersions",
    "ScanOptions": "ScanOptions",
    "ConvolutionKernel": "ConvolutionKernel",
}
"""Keys of dcm2niix, and the attributes that they are copied from: of the scanner and the protocol's
technique. Descriptions, names of protocols and comments are free text and are left out."""

NUMBERS: Mapping[str, tuple[str, float]] = {
    "KVP": ("KVP", 1.0),
    "ExposureTime": ("ExposureTime", 1000.0),
    "XRayTubeCurrent": ("XRayTubeCurrent", 1.0),
    "XRayExposure": ("Exposure", 1.0),
    "SliceThickness": ("SliceThickness", 1.0),
}
"""Keys of dcm2niix, the attributes, and what these are divided by: ExposureTime is in s, not ms."""

IDENTIFYING = (
    "PatientName",
    "PatientID",
    "OtherPatientIDs",
    "AccessionNumber",
    "ReferringPhysicianName",
    "PerformingPhysicianName",
    "OperatorsName",
    "InstitutionName",
    "StationName",
    "StudyID",
)
"""Attributes whose words no value may contain."""

SHORTEST_WORD = 3
"""Letters of a word that identifies; shorter ones are in many values by chance."""

NOT_NAMES = frozenset({"removed", "anonymous", "anon", "none", "head", "body", "chest", "phantom"})
"""Words that stand for a removed name, or name what was scanned."""

PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._/+\\-]{0,63}")
"""Values that are names of hardware, kernels or body parts."""

MOST_TYPES = 8


def sidecar(case: ExportCase) -> dict[str, Any]:
    """Return the sidecar of a case: the units, and the scanner attributes of its DICOM header.

    A case that was not read from DICOM in this call has the units alone.
    """
    units = {"Units": "HU"} if case.quantity == "hu" else {}
    header = _header(case)
    found = {} if header is None else from_header(header)
    return {"Modality": "CT", **found, **units}


def _header(case: ExportCase) -> Any:
    """Return the header of the first slice of a DICOM series; None for other sources."""
    from hounsfield.dataset.case import open_case
    from hounsfield.io.dicom.derived.source import dicom_source

    if case.source is None or case.source.series is None:
        return None
    try:
        stack = open_case(case.source, policy=ReadPolicy(gaps="fill"), quantity="other")
        return dicom_source(stack).header
    except HounsfieldError:  # the image was written before; only its description is shorter
        return None


def from_header(header: Any) -> dict[str, Any]:
    """Return the keys of dcm2niix that a header fills; values that may identify are left out."""
    words = _words(header)
    found: dict[str, Any] = {}
    maker = str(_get(header, "Manufacturer")).strip().upper() + " "
    for start, name in MANUFACTURERS:
        if maker.startswith(start):
            found["Manufacturer"] = name
    for key, attribute in TEXTS.items():
        text = _joined(_get(header, attribute))
        if PLAIN.fullmatch(text) and not _identifies(text, words):
            found[key] = text
    types = [str(each) for each in _values(_get(header, "ImageType"))][:MOST_TYPES]
    if types and all(PLAIN.fullmatch(each) and not _identifies(each, words) for each in types):
        found["ImageType"] = types
    return found | _numbers(header)


def _numbers(header: Any) -> dict[str, float | int]:
    found: dict[str, float | int] = {}
    for key, (attribute, divisor) in NUMBERS.items():
        try:
            value = float(_get(header, attribute) or 0) / divisor
        except (TypeError, ValueError):
            continue
        if 0 < value < 1e9:
            found[key] = int(value) if value.is_integer() else round(value, 6)
    return found


def _get(header: Any, keyword: str) -> Any:
    """Return a value of a header; '' where it is missing, empty or cannot be read."""
    from hounsfield.io.dicom.header.dataset import parse_errors

    try:
        with parse_errors(keyword):
            value = header.get(keyword)
            return "" if value is None else value
    except HounsfieldError:
        return ""


def _values(value: Any) -> list[Any]:
    return [value] if isinstance(value, str) else list(value or ())


def _joined(value: Any) -> str:
    """Return a value with one or several parts as the text that DICOM stores."""
    if isinstance(value, str):
        return value.strip()
    return "\\".join(str(each).strip() for each in _values(value))


def _words(header: Any) -> set[str]:
    text = " ".join(str(_get(header, name)) for name in IDENTIFYING)
    return {
        word.lower() for word in re.findall(r"[^\W_]+", text) if len(word) >= SHORTEST_WORD
    } - NOT_NAMES


def _identifies(text: str, words: set[str]) -> bool:
    return any(word in text.lower() for word in words)
