"""Build a DICOM SEG data set with highdicom."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.errors import HounsfieldError, MissingExtraError, WriteError
from hounsfield.core.version import VERSION
from hounsfield.io.dicom import tags
from hounsfield.io.dicom.derived.rescale import decimal, fingerprint
from hounsfield.io.dicom.derived.source import DicomSource, Identity, put_owner
from hounsfield.io.dicom.derived.uid import IMPLEMENTATION_UID, content_uid
from hounsfield.io.dicom.header.frame import Frame
from hounsfield.io.dicom.labels.structures import ANATOMY, Structure, structure_of

NO_DATE, NO_TIME = "19000101", "000000"
"""Content date and time (type 1, PS3.3 C.7.6.16) where the identity is removed: a dummy, as the
Basic Profile asks (PS3.15 table E.1-1), so that the day of the scan is not revealed."""

DATES = (("ContentDate", "ContentTime"), ("SeriesDate", "SeriesTime"), ("StudyDate", "StudyTime"))
"""Dates and times of the source from which those of the segmentation are taken, the first valid."""

OPTIONAL_DATES = ("SeriesDate", "SeriesTime", "InstanceCreationDate", "InstanceCreationTime")
"""Type 3 attributes that highdicom fills with the time of writing, which differs every time."""

MEASURES = (
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
    "DimensionIndexSequence",
    "DimensionOrganizationSequence",
    "NumberOfFrames",
)
"""Attributes from which highdicom reads the frame positions of a multi-frame object."""


def seg_object(
    numbered: NDArray[np.uint16], labels: Sequence[str], *, source: DicomSource, identity: Identity
) -> Any:
    """The binary SEG of segment numbers (frame, row, column), one plane per source frame.

    Raises MissingExtraError without highdicom, WriteError if the series lacks required attributes.
    """
    try:
        import highdicom
    except ImportError:
        raise MissingExtraError(
            "writing DICOM SEG needs highdicom: pip install 'hounsfield[seg]'"
        ) from None
    text = "\n".join(
        [identity, *labels, *(f"{frame.sop_instance} {frame.index}" for frame in source.frames)]
    )
    seed = fingerprint(numbered) + text.encode("utf-8")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            images, planes = _images(source, identity), _in_frame_order(numbered, source.frames)
            data = highdicom.seg.Segmentation(
                source_images=images,
                pixel_array=planes,
                segmentation_type="BINARY",
                segment_descriptions=[
                    _segment(highdicom, number, name) for number, name in enumerate(labels, 1)
                ],
                series_instance_uid=content_uid("seg-series", seed),
                series_number=1,
                sop_instance_uid=content_uid("seg", seed),
                instance_number=1,
                manufacturer="Hounsfield",
                manufacturer_model_name="hounsfield",
                software_versions=VERSION,
                device_serial_number="0",
                omit_empty_frames=True,
                content_label="PREDICTION",
            )
        except HounsfieldError:
            raise
        except Exception as error:  # highdicom requires more attributes than reading does
            raise WriteError(
                f"highdicom cannot build a segmentation of this series ({type(error).__name__})"
            ) from None
    _make_reproducible(data, seed, _content_date(source, identity))
    if identity == "remove":
        data.PatientIdentityRemoved = "YES"
        data.DeidentificationMethod = "only listed attributes are written; UIDs are the source's"
    return data


def _segment(highdicom: Any, number: int, name: str) -> Any:
    """A segment description, found by AI: the codes of a known structure, or the generic one."""
    known = structure_of(name)
    structure = known or Structure(ANATOMY, ANATOMY)
    concept = highdicom.sr.CodedConcept
    family = concept("123109", "DCM", "Artificial Intelligence")
    segment = highdicom.seg.SegmentDescription(
        segment_number=number,
        segment_label=name.replace("_", " ") if known else name,
        segmented_property_category=concept(structure.category[0], "SCT", structure.category[1]),
        segmented_property_type=concept(structure.kind[0], "SCT", structure.kind[1]),
        algorithm_type="AUTOMATIC",
        algorithm_identification=highdicom.AlgorithmIdentificationSequence(
            "prediction", family, "unknown"
        ),
    )
    if structure.side is not None:
        side = concept(structure.side[0], "SCT", structure.side[1])
        (kind,) = segment.SegmentedPropertyTypeCodeSequence
        kind.SegmentedPropertyTypeModifierCodeSequence = [side]
    return segment


def _images(source: DicomSource, identity: Identity) -> list[Any]:
    """The source images for highdicom: one header per slice, or one multi-frame header."""
    first = source.frames[0]
    if first.count == 1:
        return [_header(frame, source, identity) for frame in source.frames]
    header = _header(first, source, identity)
    for keyword in MEASURES:
        if keyword in source.header:
            header[keyword] = source.header[keyword]
    return [header]


def _header(frame: Frame, source: DicomSource, identity: Identity) -> Any:
    """The attributes of a slice that a SEG needs, and no others."""
    from pydicom import Dataset

    assert frame.pixels is not None
    data = Dataset()
    put_owner(data, source, identity)
    data.SOPClassUID, data.SOPInstanceUID = frame.sop_class or tags.CT_IMAGE, frame.sop_instance
    first = source.frames[0]
    data.StudyInstanceUID = first.study or content_uid("study", first.sop_instance)
    data.SeriesInstanceUID = first.series or content_uid("series", first.sop_instance)
    data.FrameOfReferenceUID = first.reference or content_uid("reference", first.sop_instance)
    data.PositionReferenceIndicator = ""
    data.Modality, data.Rows, data.Columns = "CT", frame.pixels.rows, frame.pixels.columns
    data.ImagePositionPatient = [decimal(value) for value in frame.position_mm]
    data.ImageOrientationPatient = [decimal(value) for value in frame.orientation]
    data.PixelSpacing = [decimal(value) for value in frame.spacing_mm]
    data.SliceThickness = decimal(frame.thickness_mm or source.max_gap_mm)
    data.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    return data


def _in_frame_order(numbered: NDArray[np.uint16], frames: Sequence[Frame]) -> NDArray[np.uint16]:
    """The planes in frame order of a multi-frame object, empty for frames that were not read."""
    if frames[0].count == 1:
        return numbered
    planes = np.zeros((frames[0].count, *numbered.shape[1:]), dtype=numbered.dtype)
    for plane, frame in zip(numbered, frames, strict=True):
        planes[frame.index] = plane
    return planes


def _content_date(source: DicomSource, identity: Identity) -> tuple[str, str]:
    """The date and time of the content: those of the source, or a dummy without identity."""
    if identity == "keep":
        for date, time in DATES:
            day, clock = (str(source.header.get(keyword) or "") for keyword in (date, time))
            if re.fullmatch(r"(19|20)\d{6}", day):
                return day, clock if re.fullmatch(r"\d{6}(\.\d{1,6})?", clock) else NO_TIME
    return NO_DATE, NO_TIME


def _make_reproducible(data: Any, seed: bytes, content: tuple[str, str]) -> None:
    """Replace values that depend on time or chance by values that depend on the content."""
    data.ContentDate, data.ContentTime = content
    for keyword in OPTIONAL_DATES:
        if keyword in data:
            delattr(data, keyword)
    data.file_meta.ImplementationClassUID = IMPLEMENTATION_UID
    data.file_meta.ImplementationVersionName = "HOUNSFIELD"
    for item in data.get("ContributingEquipmentSequence", ()):
        del item.ContributionDateTime
    organization = content_uid("seg-organization", seed)
    for item in (
        *data.get("DimensionOrganizationSequence", ()),
        *data.get("DimensionIndexSequence", ()),
    ):
        item.DimensionOrganizationUID = organization
