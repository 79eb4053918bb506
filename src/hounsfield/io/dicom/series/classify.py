"""Classify frames by their headers: CT slice, localizer, screen, secondary capture or not CT."""

from __future__ import annotations

from typing import Literal

from hounsfield.io.dicom import tags
from hounsfield.io.dicom.header.frame import Frame

Kind = Literal[
    "axial", "coronal", "sagittal", "localizer", "screen", "secondary", "enhanced", "not-ct"
]

SLICES: frozenset[Kind] = frozenset({"axial", "coronal", "sagittal", "enhanced"})
"""Kinds that can be read as a volume."""

_LOCALIZERS = frozenset({"LOCALIZER", "SCOUT", "TOPOGRAM", "SURVIEW", "SCANOGRAM", "REF_SURVIEW"})
_COLOURS = ("RGB", "YBR", "PALETTE")
_SCREENS = frozenset(
    {"SCREEN SAVE", "SCREENSAVE", "DOSE", "DOSE_INFO", "PATIENT_INFO", "PROTOCOL", "REPORT"}
)


def kind_of(frame: Frame) -> Kind:
    """The kind of one frame; the plane is determined later, from the series orientation."""
    types = set(frame.image_type)
    form = frame.pixels
    if types & _SCREENS or (
        form is not None and (form.samples > 1 or form.photometric.startswith(_COLOURS))
    ):
        return "screen"
    if frame.modality not in ("", "CT") or (
        frame.sop_class not in tags.CT_CLASSES and not _is_ct_by_modality(frame)
    ):
        return "secondary" if frame.sop_class.startswith(tags.SECONDARY_CAPTURES) else "not-ct"
    if types & _LOCALIZERS:
        return "localizer"
    if frame.sop_class.startswith(tags.SECONDARY_CAPTURES):
        return "secondary"
    return "enhanced" if frame.sop_class in (tags.ENHANCED_CT, tags.LEGACY_ENHANCED_CT) else "axial"


def _is_ct_by_modality(frame: Frame) -> bool:
    """Whether a frame of modality CT has no SOP class, a private one or secondary capture."""
    return frame.modality == "CT" and (
        not frame.sop_class
        or frame.sop_class.startswith(tags.SECONDARY_CAPTURES)
        or not frame.sop_class.startswith("1.2.840.10008.")
    )
