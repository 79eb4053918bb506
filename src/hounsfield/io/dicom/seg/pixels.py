"""The pixels of a SEG, frame by frame: packed bits, or bytes of any codec."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.errors import unreadable
from hounsfield.io.dicom.header.fast_header import NestedTooDeep, NotPlain
from hounsfield.io.dicom.header.read_header import read_frames
from hounsfield.io.dicom.labels.objects import LabelObject
from hounsfield.io.dicom.pixels.decode import decoded
from hounsfield.io.dicom.seg.header import SegFrame, Segmentation


def frames_with_pixels(
    item: LabelObject, seg: Segmentation
) -> Iterator[tuple[SegFrame, NDArray[Any]]]:
    """Each frame with its stored values (i, j), bool for packed bits; raises ReadError where some are missing."""
    if seg.bits == 1:
        yield from _unpacked(seg)
        return
    try:
        found = read_frames(item.source)
    except (NotPlain, NestedTooDeep):
        raise unreadable(seg.name, "its frames cannot be found") from None
    if len(found) != len(seg.frames) or any(
        frame.pixels is None or frame.offset is None for frame in found
    ):
        raise unreadable(seg.name, "its pixels are missing", code="NO_PIXELS")
    for frame, where in zip(seg.frames, found, strict=True):
        yield frame, decoded(where).T


def _unpacked(seg: Segmentation) -> Iterator[tuple[SegFrame, NDArray[np.bool_]]]:
    """Bits lie without a break from frame to frame, the first pixel in a byte's lowest bit (PS3.5 8.1.1)."""
    size = seg.rows * seg.columns
    if len(seg.packed) * 8 < size * len(seg.frames):
        raise unreadable(
            seg.name,
            f"pixel data is truncated, {len(seg.packed)} of "
            f"{-(-size * len(seg.frames) // 8)} bytes are there",
            code="TRUNCATED",
        )
    data = np.frombuffer(seg.packed, dtype=np.uint8)
    for frame in seg.frames:
        start, stop = frame.index * size, (frame.index + 1) * size
        bits = np.unpackbits(data[start // 8 : -(-stop // 8)], bitorder="little")[start % 8 :][
            :size
        ]
        yield frame, bits.astype(bool).reshape(seg.rows, seg.columns).T
