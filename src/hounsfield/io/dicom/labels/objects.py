"""Which label objects lie at a path, and one of them as pydicom's data set: bounded, no word of it in an error."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hounsfield.core.errors import HounsfieldError, unreadable
from hounsfield.io.dicom import tags
from hounsfield.io.dicom.files.listing import sources
from hounsfield.io.dicom.files.source import Source
from hounsfield.io.dicom.header.fast_header import NestedTooDeep, NotPlain, walk
from hounsfield.io.dicom.header.read_header import read_frames

RTSTRUCT = "1.2.840.10008.5.1.4.1.1.481.3"
SEGMENTATIONS = frozenset({"1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"})
"""Segmentation Storage, and Label Map Segmentation Storage (PS3.4 B.5)."""


@dataclass(frozen=True, slots=True)
class LabelObject:
    """A DICOM object that holds labels, and where its bytes are."""

    sop_class: str
    source: Source


def label_objects(path: Path) -> list[LabelObject]:
    """The RTSTRUCT and SEG objects at `path` (a file, folder, zip or tar), in order of their names.

    Raises ReadError where there is none, or where it cannot be read.
    """
    found = [LabelObject(sop_class_of(source), source) for source in sources(path)]
    labels = [
        item for item in found if item.sop_class == RTSTRUCT or item.sop_class in SEGMENTATIONS
    ]
    if not labels:
        what = (
            "an image, no labels"
            if any(item.sop_class for item in found)
            else "no DICOM that could be read"
        )
        raise unreadable(
            str(path), f"no RTSTRUCT or DICOM SEG there, only {what}", code="NO_LABELS"
        )
    return labels


def sop_class_of(source: Source) -> str:
    """The SOP class of the object in `source`, '' where it is none that can be read."""
    try:
        values = walk(source).values
        raw = values.get(tags.SOP_CLASS) or values.get(tags.META_SOP_CLASS) or b""
        return raw.decode("ascii", "replace").strip(" \0")
    except NestedTooDeep:
        raise unreadable(
            source.name, "its sequences nest over 64 deep; refused", code="NESTED"
        ) from None
    except NotPlain:
        pass
    try:
        return read_frames(source)[0].sop_class
    except (NotPlain, NestedTooDeep, HounsfieldError):
        return ""
