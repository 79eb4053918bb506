"""The DICOM frames that a Stack's slices came from: what labels and derived series refer to."""

from __future__ import annotations

from hounsfield.core.stack import Stack
from hounsfield.io.dicom.decode import FrameDecoder
from hounsfield.io.dicom.fill import FilledDecoder
from hounsfield.io.dicom.frame import Frame


def frames_behind(stack: Stack) -> tuple[Frame | None, ...]:
    """One frame for each slice of `stack`; None where the slice was filled in, or did not come from DICOM."""
    decode = stack.decode
    if isinstance(decode, FilledDecoder):
        return tuple(None if slot.weight else decode.real.frames[slot.low] for slot in decode.slots)
    if isinstance(decode, FrameDecoder):
        return decode.frames
    return (None,) * stack.shape[2]
