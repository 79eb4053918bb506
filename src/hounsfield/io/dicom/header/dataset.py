"""Read a DICOM object of bounded size as a pydicom Dataset, without header text in errors."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from hounsfield.core.errors import HounsfieldError, unreadable
from hounsfield.io.dicom import tags
from hounsfield.io.dicom.files.deflated import DeflatedSource
from hounsfield.io.dicom.files.source import Source
from hounsfield.io.dicom.header.fast_header import (
    HeaderError,
    NestedTooDeep,
    meta_length,
    parse_header,
)

MAX_OBJECT = 1 << 32
"""Largest object, bytes; a SEG of 100 segments in 400 slices of 512 x 512 has 1.3 GB."""

FIRST_BYTES = 1 << 18
"""Bytes in which the names of regions are searched: a thousand regions have 100 KB of names."""

MAX_INFLATED = 1 << 29
"""Largest inflated size of a deflated object, bytes; its header does not declare one."""


def dataset_of(source: Source) -> Any:
    """The object in `source` as a pydicom Dataset; raises ReadError."""
    import pydicom

    if source.size > MAX_OBJECT:
        raise unreadable(
            source.name, f"DICOM object is larger than {MAX_OBJECT} bytes", code="TOO_LARGE"
        )
    with parse_errors(source.name):
        try:
            start, syntax = meta_length(source)
        except HeaderError:
            start, syntax = 0, ""
        if syntax == tags.DEFLATED:
            data = DeflatedSource(source, start).read(0, MAX_INFLATED + 1)
            if len(data) > MAX_INFLATED:
                raise unreadable(
                    source.name,
                    f"deflated data set is too large; expected at most {MAX_INFLATED} bytes",
                    code="TOO_LARGE",
                )
            return pydicom.filereader.read_dataset(io.BytesIO(data), False, True)
        data = source.read(0, source.size)
        if len(data) < source.size:
            raise unreadable(
                source.name,
                "file was truncated while it was read; read it again when it is complete",
                code="TRUNCATED",
            )
        return pydicom.dcmread(io.BytesIO(data), force=True)


def header_of(source: Source) -> Any:
    """The object in `source` as a pydicom Dataset without its pixels; raises ReadError."""
    import pydicom

    try:
        stop = parse_header(source).pixel_offset
    except (HeaderError, NestedTooDeep):
        stop = None
    if stop is None or source.size > MAX_OBJECT:
        return dataset_of(source)
    with parse_errors(source.name):
        head = io.BytesIO(source.read(0, stop))
        return pydicom.dcmread(head, force=True, stop_before_pixels=True)


def dataset_before(source: Source, tag: int) -> Any:
    """The object in `source` with at least the attributes before `tag`; raises ReadError.

    Only the first bytes are read if `tag` is among them.
    """
    import pydicom

    is_reached = False

    def stop(found: int, vr: str | None, length: int) -> bool:
        nonlocal is_reached
        is_reached = found >= tag
        return is_reached

    start = io.BytesIO(source.read(0, FIRST_BYTES))
    with suppress(Exception), warnings.catch_warnings():  # the whole object is read instead
        warnings.simplefilter("ignore")
        data = pydicom.filereader.read_partial(start, stop, force=True)
        if is_reached:
            return data
    return dataset_of(source)


@contextmanager
def parse_errors(name: str) -> Iterator[None]:
    """Convert any error of pydicom to a ReadError without header text, and silence its warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except HounsfieldError:
            raise
        except Exception as error:  # pydicom raises many exception types for a corrupt object
            raise unreadable(name, f"DICOM structure is corrupt ({type(error).__name__})") from None
