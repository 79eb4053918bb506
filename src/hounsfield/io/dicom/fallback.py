"""Headers that are not plain, read by pydicom: broken lengths, modality LUTs, enhanced multi-frame objects."""

from __future__ import annotations

from hounsfield.io.dicom.frame import Frame
from hounsfield.io.dicom.source import Source
from hounsfield.io.dicom.walker import NotPlain


def read_with_pydicom(source: Source) -> tuple[Frame, ...]:
    """The frames of one object; raises NotPlain where pydicom cannot read it either."""
    raise NotPlain("not yet")
