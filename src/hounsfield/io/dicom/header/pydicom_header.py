"""Headers that the walk does not settle: deflated ones, modality LUTs, multi-frame objects, and broken ones."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from hounsfield.core.errors import ReadError
from hounsfield.io.dicom import tags
from hounsfield.io.dicom.files.deflated import HEAD, DeflatedSource
from hounsfield.io.dicom.files.source import BytesSource, Source
from hounsfield.io.dicom.header.fast_header import (
    NestedTooDeep,
    NotPlain,
    Walked,
    looks_like_dicom,
    meta_length,
    walk_dataset,
)
from hounsfield.io.dicom.header.frame import Frame
from hounsfield.io.dicom.header.modality_lut import modality_lut
from hounsfield.io.dicom.header.to_frame import frame_of

MAX_HEADER = 1 << 28
"""Bytes of one header that pydicom is given: an enhanced CT of 4,000 frames has 20 MB."""

MAX_FRAMES = 1 << 14
"""Frames of one object: 320 slices in 50 phases of the heart are 16,000."""

_WHOLE = frozenset({tags.PIXEL_DATA, tags.FLOAT_PIXEL_DATA, tags.DOUBLE_PIXEL_DATA})


def read_with_pydicom(source: Source, walked: Walked | None) -> tuple[Frame, ...]:
    """The frames of one object; raises NotPlain where pydicom cannot read it either, NestedTooDeep, ReadError."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return _read(source, walked)
        except (NotPlain, NestedTooDeep, ReadError):
            raise
        except RecursionError:
            raise NestedTooDeep from None
        except Exception:
            raise NotPlain("pydicom cannot read it") from None


def _read(source: Source, walked: Walked | None) -> tuple[Frame, ...]:
    """What pydicom makes of it: six kinds of exceptions have been seen to leave its parser."""
    if walked is None:
        inflated = _inflated(source)
        if inflated is not None:
            source, walked = inflated
    if walked is None or walked.sequences & tags.SEQUENCES or tags.FRAMES in walked.values:
        data = _dataset(source, walked)
        walked = _walked_by(data) if walked is None else walked
        return tuple(_frames(walked, data, source))
    return (frame_of(walked, source),)


def _inflated(source: Source) -> tuple[Source, Walked] | None:
    """The inflated data set of a deflated object, walked within its first HEAD bytes; None for another syntax."""
    start, syntax = meta_length(source)
    if syntax != tags.DEFLATED:
        return None
    opened = DeflatedSource(source, start)
    head = BytesSource(opened.read(0, HEAD), source.name, source.ordinal)
    return opened, walk_dataset(head, syntax=tags.DEFLATED)


def _frames(walked: Walked, data: Any, source: Source) -> Iterator[Frame]:
    base = replace(frame_of(walked, source), lut=modality_lut(data, signed=_signed(walked)))
    count = _count(walked)
    if count == 1 and tags.FRAME_GROUPS not in data and tags.SHARED_GROUPS not in data:
        yield base
        return
    from hounsfield.io.dicom.header.enhanced import frames_of

    yield from frames_of(base, data, count)


def _signed(walked: Walked) -> bool:
    return walked.values.get(tags.SIGNED, b"\0").strip(b"\0") != b""


def _count(walked: Walked) -> int:
    from hounsfield.io.dicom.header.attributes import number

    count = number(walked.values.get(tags.FRAMES, b"1")) or 1
    if not 1 <= count <= MAX_FRAMES or count != int(count):
        raise NotPlain("an impossible number of frames")
    return int(count)


def _dataset(source: Source, walked: Walked | None) -> Any:
    """The header as pydicom's data set; its warnings, which may quote the header, are not shown by the caller."""
    import pydicom

    if not looks_like_dicom(source.read(0, 132)) and walked is None:
        raise NotPlain("no DICOM header at its beginning")
    stop = (
        walked.pixel_offset
        if walked is not None and walked.pixel_offset is not None
        else source.size
    )
    head = source.read(0, min(stop, MAX_HEADER))
    if walked is not None and walked.syntax == tags.DEFLATED:
        return pydicom.filereader.read_dataset(io.BytesIO(head), False, True, stop_when=_at_pixels)
    data = pydicom.dcmread(
        io.BytesIO(head), force=True, defer_size=1 << 16, stop_before_pixels=walked is not None
    )
    if not any(tag.group > 2 for tag in data.keys()):  # noqa: SIM118
        raise NotPlain("no data set")
    return data


def _at_pixels(tag: int, vr: str | None, length: int) -> bool:
    return tag in _WHOLE


def _walked_by(data: Any) -> Walked:
    """What the walk would have found, from pydicom's raw elements."""
    values = {}
    for tag in tags.WANTED:
        home = data.file_meta if tag >> 16 == 2 else data
        raw = raw_value(home, tag)
        if raw is not None:
            values[tag] = raw
    syntax = values.get(tags.TRANSFER_SYNTAX, b"").rstrip(b"\0 ").decode("ascii", "replace")
    assumed: tuple[str, ...] = ()
    if not syntax:
        implicit, little = data.original_encoding
        syntax = (
            tags.IMPLICIT_LITTLE
            if implicit
            else tags.EXPLICIT_LITTLE
            if little
            else tags.EXPLICIT_BIG
        )
        assumed = ("transfer syntax",)
    found = Walked(
        values, syntax, syntax != tags.IMPLICIT_LITTLE, syntax != tags.EXPLICIT_BIG, assumed=assumed
    )
    pixels = data.get_item(tags.PIXEL_DATA) if tags.PIXEL_DATA in data else None
    if pixels is not None and getattr(pixels, "value_tell", None):
        found.pixel_tag, found.pixel_offset, found.pixel_length = (
            tags.PIXEL_DATA,
            pixels.value_tell,
            pixels.length,
        )
    return found


def raw_value(data: Any, tag: int) -> bytes | None:
    """The bytes of an element as they lie in the file; None where it is missing or was converted already."""
    if tag not in data:
        return None
    value = data.get_item(tag).value
    return value if isinstance(value, bytes) else None
