"""Read the header of one DICOM object: by the fast parser where it is plain, by pydicom where it is not."""

from __future__ import annotations

from hounsfield.io.dicom import tags
from hounsfield.io.dicom.files.source import Source
from hounsfield.io.dicom.header.fast_header import NotPlain, walk
from hounsfield.io.dicom.header.frame import Frame
from hounsfield.io.dicom.header.to_frame import frame_count, frame_of


def read_frames(source: Source) -> tuple[Frame, ...]:
    """The frames of one DICOM object, without its pixels; raises NotPlain where it is none, NestedTooDeep, ReadError."""
    try:
        walked = walk(source)
    except NotPlain:
        walked = None
    if (
        walked is not None
        and not walked.sequences & tags.SEQUENCES
        and frame_count(walked.values) == 1
    ):
        return (frame_of(walked, source),)
    from hounsfield.io.dicom.header.pydicom_header import read_with_pydicom

    return read_with_pydicom(source, walked)
