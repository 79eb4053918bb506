"""Read the header of one DICOM object with the fast parser, or with pydicom if that fails."""

from __future__ import annotations

from hounsfield.io.dicom import tags
from hounsfield.io.dicom.files.source import Source
from hounsfield.io.dicom.header.fast_header import HeaderError, parse_header
from hounsfield.io.dicom.header.frame import Frame
from hounsfield.io.dicom.header.to_frame import frame_count, frame_of


def read_frames(source: Source) -> tuple[Frame, ...]:
    """The frames of one DICOM object; raises HeaderError, NestedTooDeep or ReadError."""
    try:
        parsed = parse_header(source)
    except HeaderError:
        parsed = None
    if (
        parsed is not None
        and not parsed.sequences & tags.SEQUENCES
        and frame_count(parsed.values) == 1
    ):
        return (frame_of(parsed, source),)
    from hounsfield.io.dicom.header.pydicom_header import read_with_pydicom

    return read_with_pydicom(source, parsed)
