"""Find the RTSTRUCT and SEG objects at a path."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hounsfield.core.errors import HounsfieldError, unreadable
from hounsfield.io.dicom import tags
from hounsfield.io.dicom.files.listing import sources
from hounsfield.io.dicom.files.source import Source
from hounsfield.io.dicom.header.fast_header import HeaderError, NestedTooDeep, parse_header
from hounsfield.io.dicom.header.read_header import read_frames

RTSTRUCT = "1.2.840.10008.5.1.4.1.1.481.3"
SEGMENTATIONS = frozenset({"1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"})
"""Segmentation Storage, and Label Map Segmentation Storage (PS3.4 B.5)."""


@dataclass(frozen=True, slots=True)
class LabelObject:
    """A DICOM object with labels, and its byte source."""

    sop_class: str
    source: Source


def label_objects(path: Path, *, member: str = "") -> list[LabelObject]:
    """The RTSTRUCT and SEG objects at `path` (a file, folder, zip or tar), sorted by name.

    `member` is the name of the one that is wanted, if not all. Raises ReadError if there is none
    or the path cannot be read.
    """
    found = [source for source in sources(path) if member in ("", source.name)]
    objects = [LabelObject(sop_class_of(source), source) for source in found]
    labels = [item for item in objects if item.sop_class in {RTSTRUCT, *SEGMENTATIONS}]
    if not labels:
        is_image = any(item.sop_class for item in objects)
        message = "DICOM without labels" if is_image else "no readable DICOM file"
        message += "; expected RTSTRUCT or SEG"
        raise unreadable(str(path), message, code="NO_LABELS")
    return labels


def sop_class_of(source: Source) -> str:
    """The SOP class of the object in `source`; '' if it cannot be read."""
    try:
        values = parse_header(source).values
        raw = values.get(tags.SOP_CLASS) or values.get(tags.META_SOP_CLASS) or b""
        return raw.decode("ascii", "replace").strip(" \0")
    except NestedTooDeep:
        message = "DICOM sequences are nested more than 64 deep; refused"
        raise unreadable(source.name, message, code="NESTED") from None
    except HeaderError:
        pass
    try:
        return read_frames(source)[0].sop_class
    except (HeaderError, NestedTooDeep, HounsfieldError):
        return ""
