"""Read headers with pydicom: deflated, multi-frame, with a modality LUT, or malformed."""

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
    HeaderError,
    NestedTooDeep,
    ParsedHeader,
    looks_like_dicom,
    meta_length,
    parse_dataset,
)
from hounsfield.io.dicom.header.frame import Frame
from hounsfield.io.dicom.header.modality_lut import modality_lut
from hounsfield.io.dicom.header.to_frame import frame_of

MAX_HEADER = 1 << 28
"""Largest header given to pydicom, bytes; an enhanced CT of 4,000 frames has 20 MB."""

MAX_FRAMES = 1 << 14
"""Most frames of one object; 320 slices in 50 cardiac phases are 16,000."""

_PIXEL_TAGS = frozenset({tags.PIXEL_DATA, tags.FLOAT_PIXEL_DATA, tags.DOUBLE_PIXEL_DATA})


def read_with_pydicom(source: Source, parsed: ParsedHeader | None) -> tuple[Frame, ...]:
    """The frames of one object; raises HeaderError if pydicom fails, NestedTooDeep, ReadError."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return _read(source, parsed)
        except (HeaderError, NestedTooDeep, ReadError):
            raise
        except RecursionError:
            raise NestedTooDeep from None
        except Exception:
            raise HeaderError("pydicom cannot read it") from None


def _read(source: Source, parsed: ParsedHeader | None) -> tuple[Frame, ...]:
    """Read with pydicom, whose parser raises at least six exception types."""
    if parsed is None:
        inflated = _inflated(source)
        if inflated is not None:
            source, parsed = inflated
    if parsed is None or parsed.sequences & tags.SEQUENCES or tags.FRAMES in parsed.values:
        data = _dataset(source, parsed)
        parsed = _from_dataset(data) if parsed is None else parsed
        return tuple(_frames(parsed, data, source))
    return (frame_of(parsed, source),)


def _inflated(source: Source) -> tuple[Source, ParsedHeader] | None:
    """The inflated data set of a deflated object and its header; None for another syntax."""
    start, syntax = meta_length(source)
    if syntax != tags.DEFLATED:
        return None
    opened = DeflatedSource(source, start)
    head = BytesSource(opened.read(0, HEAD), source.name, source.ordinal)
    return opened, parse_dataset(head, syntax=tags.DEFLATED)


def _frames(parsed: ParsedHeader, data: Any, source: Source) -> Iterator[Frame]:
    base = replace(frame_of(parsed, source), lut=modality_lut(data, signed=_signed(parsed)))
    count = _count(parsed)
    if count == 1 and tags.FRAME_GROUPS not in data and tags.SHARED_GROUPS not in data:
        yield base
        return
    from hounsfield.io.dicom.header.enhanced import frames_of

    yield from frames_of(base, data, count)


def _signed(parsed: ParsedHeader) -> bool:
    return parsed.values.get(tags.SIGNED, b"\0").strip(b"\0") != b""


def _count(parsed: ParsedHeader) -> int:
    from hounsfield.io.dicom.header.attributes import number

    count = number(parsed.values.get(tags.FRAMES, b"1")) or 1
    if not 1 <= count <= MAX_FRAMES or count != int(count):
        raise HeaderError("invalid number of frames; expected a positive integer")
    return int(count)


def _dataset(source: Source, parsed: ParsedHeader | None) -> Any:
    """The header as a pydicom Dataset; the caller silences its warnings, which may quote it."""
    import pydicom

    if not looks_like_dicom(source.read(0, 132)) and parsed is None:
        raise HeaderError("file does not start with a DICOM header")
    stop = (
        parsed.pixel_offset
        if parsed is not None and parsed.pixel_offset is not None
        else source.size
    )
    head = source.read(0, min(stop, MAX_HEADER))
    if parsed is not None and parsed.syntax == tags.DEFLATED:
        return pydicom.filereader.read_dataset(io.BytesIO(head), False, True, stop_when=_at_pixels)
    data = pydicom.dcmread(
        io.BytesIO(head), force=True, defer_size=1 << 16, stop_before_pixels=parsed is not None
    )
    if not any(tag.group > 2 for tag in data.keys()):  # noqa: SIM118
        raise HeaderError("file has no data set")
    return data


def _at_pixels(tag: int, vr: str | None, length: int) -> bool:
    return tag in _PIXEL_TAGS


def _from_dataset(data: Any) -> ParsedHeader:
    """The header that the fast parser would return, from pydicom's raw elements."""
    values = {}
    for tag in tags.WANTED:
        raw = raw_value(data.file_meta if tag >> 16 == 2 else data, tag)
        if raw is not None:
            values[tag] = raw
    syntax = values.get(tags.TRANSFER_SYNTAX, b"").rstrip(b"\0 ").decode("ascii", "replace")
    assumed: tuple[str, ...] = ()
    if not syntax:
        implicit, little = data.original_encoding
        explicit = tags.EXPLICIT_LITTLE if little else tags.EXPLICIT_BIG
        syntax = tags.IMPLICIT_LITTLE if implicit else explicit
        assumed = ("transfer syntax",)
    header = ParsedHeader(
        values, syntax, syntax != tags.IMPLICIT_LITTLE, syntax != tags.EXPLICIT_BIG, assumed=assumed
    )
    pixels = data.get_item(tags.PIXEL_DATA) if tags.PIXEL_DATA in data else None
    if pixels is not None and getattr(pixels, "value_tell", None):
        header.pixel_tag = tags.PIXEL_DATA
        header.pixel_offset, header.pixel_length = pixels.value_tell, pixels.length
    return header


def raw_value(data: Any, tag: int) -> bytes | None:
    """The raw bytes of an element; None if it is missing or already converted."""
    if tag not in data:
        return None
    value = data.get_item(tag).value
    return value if isinstance(value, bytes) else None
