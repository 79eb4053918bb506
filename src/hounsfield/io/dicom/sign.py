"""JPEG 2000 whose own sign differs from the header's: the codestream knows what was put into it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hounsfield.io.dicom.bad_file import BadFileError
from hounsfield.io.dicom.codestream import describe
from hounsfield.io.dicom.fragments import frame_head
from hounsfield.io.dicom.frame import Frame

_SIGNED_CODECS = ("jpeg2000", "htj2k")


def with_true_signs(frames: Sequence[Frame]) -> tuple[Frame, ...]:
    """The frames, those whose codestream is signed though the header says otherwise marked as signed."""
    return tuple(_mended(frame) for frame in frames)


def _mended(frame: Frame) -> Frame:
    form = frame.pixels
    if form is None or form.signed or form.codec not in _SIGNED_CODECS:
        return frame
    stream = describe(frame_head(frame))
    if stream is None:
        raise BadFileError(frame.name, "the compressed frame has no header that can be read")
    return replace(frame, pixels=replace(form, signed=True)) if stream.signed else frame
