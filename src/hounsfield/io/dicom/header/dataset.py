"""A whole DICOM object as pydicom's data set, of bounded size, without header text in errors."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hounsfield.core.errors import HounsfieldError, unreadable
from hounsfield.io.dicom import tags
from hounsfield.io.dicom.files.deflated import DeflatedSource
from hounsfield.io.dicom.files.source import Source
from hounsfield.io.dicom.header.fast_header import NotPlain, meta_length

MAX_OBJECT = 1 << 32
"""Bytes of one object that are read: a SEG of 100 segments in 400 slices of 512 x 512 has 1.3 GB."""

MAX_INFLATED = 1 << 29
"""Bytes that a deflated object may inflate to, which its header does not declare."""


def dataset_of(source: Source) -> Any:
    """The object in `source` as pydicom's data set; raises ReadError."""
    import pydicom

    if source.size > MAX_OBJECT:
        raise unreadable(
            source.name, f"an object of over {MAX_OBJECT} bytes is not read", code="TOO_LARGE"
        )
    with parsing(source.name):
        try:
            start, syntax = meta_length(source)
        except NotPlain:
            start, syntax = 0, ""
        if syntax == tags.DEFLATED:
            data = DeflatedSource(source, start).read(0, MAX_INFLATED + 1)
            if len(data) > MAX_INFLATED:
                raise unreadable(
                    source.name, f"it inflates to over {MAX_INFLATED} bytes", code="TOO_LARGE"
                )
            return pydicom.filereader.read_dataset(io.BytesIO(data), False, True)
        data = source.read(0, source.size)
        if len(data) < source.size:
            raise unreadable(source.name, "it is shorter than it says", code="TRUNCATED")
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
            raise unreadable(
                name, f"its structure cannot be read ({type(error).__name__})"
            ) from None
