"""Which label objects lie at a path, and one of them as pydicom's data set: bounded, no word of it in an error."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hounsfield.core.errors import HounsfieldError
from hounsfield.io.dicom import tags
from hounsfield.io.dicom.bad_file import BadFileError
from hounsfield.io.dicom.deflated import DeflatedSource
from hounsfield.io.dicom.header import read_frames
from hounsfield.io.dicom.listing import sources
from hounsfield.io.dicom.source import Source, printable
from hounsfield.io.dicom.walker import NotPlain, TooDeep, meta_length, walk

RTSTRUCT = "1.2.840.10008.5.1.4.1.1.481.3"
SEGMENTATIONS = frozenset({"1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"})
"""Segmentation Storage, and Label Map Segmentation Storage (PS3.4 B.5)."""

MAX_OBJECT = 1 << 32
"""Bytes of one object that are read: a SEG of 100 segments in 400 slices of 512 x 512 has 1.3 GB."""

MAX_INFLATED = 1 << 29
"""Bytes that a deflated object may inflate to, which its header does not declare."""


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
    labels = [item for item in found if item.sop_class == RTSTRUCT or item.sop_class in SEGMENTATIONS]
    if not labels:
        what = "an image, no labels" if any(item.sop_class for item in found) else "no DICOM that could be read"
        raise BadFileError(printable(path.name), f"no RTSTRUCT or DICOM SEG there, only {what}", code="NO_LABELS")
    return labels


def sop_class_of(source: Source) -> str:
    """The SOP class of the object in `source`, '' where it is none that can be read."""
    try:
        values = walk(source).values
        raw = values.get(tags.SOP_CLASS) or values.get(tags.META_SOP_CLASS) or b""
        return raw.decode("ascii", "replace").strip(" \0")
    except TooDeep:
        raise BadFileError(source.name, "its sequences nest over 64 deep; refused", code="NESTED") from None
    except NotPlain:
        pass
    try:
        return read_frames(source)[0].sop_class
    except (NotPlain, TooDeep, HounsfieldError):
        return ""


def dataset_of(source: Source) -> Any:
    """The object in `source` as pydicom's data set; raises ReadError."""
    import pydicom

    if source.size > MAX_OBJECT:
        raise BadFileError(source.name, f"an object of over {MAX_OBJECT} bytes is not read", code="TOO_LARGE")
    with parsing(source.name):
        try:
            start, syntax = meta_length(source)
        except NotPlain:
            start, syntax = 0, ""
        if syntax == tags.DEFLATED:
            data = DeflatedSource(source, start).read(0, MAX_INFLATED + 1)
            if len(data) > MAX_INFLATED:
                raise BadFileError(source.name, f"it inflates to over {MAX_INFLATED} bytes", code="TOO_LARGE")
            return pydicom.filereader.read_dataset(io.BytesIO(data), False, True)
        data = source.read(0, source.size)
        if len(data) < source.size:
            raise BadFileError(source.name, "it is shorter than it says", code="TRUNCATED")
        return pydicom.dcmread(io.BytesIO(data), force=True)


@contextmanager
def parsing(name: str) -> Iterator[None]:
    """Turn whatever pydicom raises into one ReadError without a word of the header, and keep its warnings quiet."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except HounsfieldError:
            raise
        except Exception as error:  # pydicom lets many kinds of exception out of a broken object
            raise BadFileError(name, f"its structure cannot be read ({type(error).__name__})") from None
