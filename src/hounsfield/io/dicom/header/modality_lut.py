"""Read the modality LUT of a data set (PS3.3 C.11.1.1)."""

from __future__ import annotations

from typing import Any

import numpy as np

from hounsfield.io.dicom import tags
from hounsfield.io.dicom.header.fast_header import HeaderError
from hounsfield.io.dicom.header.frame import ModalityLut

_DESCRIPTOR, _TYPE, _DATA = 0x00283002, 0x00283004, 0x00283006


def modality_lut(data: Any, *, signed: bool) -> ModalityLut | None:
    """The modality LUT of a data set, or None; raises HeaderError if it is invalid."""
    if tags.MODALITY_LUT not in data:
        return None
    try:
        items = data[tags.MODALITY_LUT].value
        if not items:
            return None
        count, first, bits = (int(value) for value in items[0][_DESCRIPTOR].value)
        raw = items[0][_DATA].value
        table = (
            np.frombuffer(raw, "<u2")
            if isinstance(raw, bytes)
            else np.atleast_1d(np.asarray(raw)) & 0xFFFF
        )
        kind = str(items[0].get(_TYPE).value).strip().upper() if _TYPE in items[0] else ""
    except Exception:
        raise HeaderError("modality LUT cannot be read") from None
    count = count & 0xFFFF or 1 << 16
    first = first - (1 << 16) if signed and first >= 1 << 15 else first
    if bits not in (8, 16) or not 0 < count <= len(table):
        raise HeaderError("modality LUT is shorter than its descriptor")
    return ModalityLut(first, tuple(int(value) for value in table[:count]), kind)
