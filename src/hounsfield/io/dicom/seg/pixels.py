"""Read the pixels of a SEG frame by frame, from packed bits or any codec."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.errors import unreadable
from hounsfield.io.dicom.header.fast_header import HeaderError, NestedTooDeep
from hounsfield.io.dicom.header.read_header import read_frames
from hounsfield.io.dicom.labels.objects import LabelObject
from hounsfield.io.dicom.pixels.decode import decoded
from hounsfield.io.dicom.seg.header import SegFrame, Segmentation


def frames_with_pixels(
    item: LabelObject, seg: Segmentation
) -> Iterator[tuple[SegFrame, NDArray[Any]]]:
    """Each frame with its stored values (i, j), bool for packed bits; raises ReadError."""
    if seg.bits == 1:
        yield from _unpacked(seg)
        return
    try:
        frames = read_frames(item.source)
    except (HeaderError, NestedTooDeep):
        raise unreadable(seg.name, "SEG header cannot be read") from None
    if len(frames) != len(seg.frames) or any(
        frame.pixels is None or frame.offset is None for frame in frames
    ):
        raise unreadable(
            seg.name,
            "pixel data is missing; copy the file again from the archive",
            code="NO_PIXELS",
        )
    for seg_frame, frame in zip(seg.frames, frames, strict=True):
        yield seg_frame, decoded(frame).T


def _unpacked(seg: Segmentation) -> Iterator[tuple[SegFrame, NDArray[np.bool_]]]:
    """Unpack bits: frames are contiguous, the first pixel is the lowest bit (PS3.5 8.1.1)."""
    size = seg.rows * seg.columns
    if len(seg.packed) * 8 < size * len(seg.frames):
        expected = -(-size * len(seg.frames) // 8)
        message = f"pixel data is truncated ({len(seg.packed)} of {expected} bytes)"
        raise unreadable(seg.name, message, code="TRUNCATED")
    data = np.frombuffer(seg.packed, dtype=np.uint8)
    for frame in seg.frames:
        start, stop = frame.index * size, (frame.index + 1) * size
        bits = np.unpackbits(data[start // 8 : -(-stop // 8)], bitorder="little")
        pixels = bits[start % 8 : start % 8 + size].astype(bool)
        yield frame, pixels.reshape(seg.rows, seg.columns).T
