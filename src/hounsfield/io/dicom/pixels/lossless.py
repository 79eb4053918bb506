"""Decode JPEG Lossless frames, whichever arithmetic their encoder predicted with."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.errors import unreadable
from hounsfield.io.dicom.header.frame import PixelFormat
from hounsfield.kernels.jpeg_lossless import LosslessFrame, decode_lossless

Array = NDArray[Any]

ROUGHER = 2.0
"""How much rougher the wrong one of two decodings must be. The wrong arithmetic is off by half the
range wherever neighbours differ in sign: on CT heads it is 20 to 1,000 times rougher."""


def decoded_lossless(data: bytes, form: PixelFormat, name: str) -> Array:
    """The words (rows, columns) of a SOF3 codestream of one component; raises ReadError.

    ITU-T T.81 predicts from unsigned samples, and some encoders of signed pixels predict from
    signed ones, which no marker tells. Where the two decodings differ, the much smoother one is
    the image; for unsigned pixels, the standard's if neither is.
    """
    shape = (form.rows, form.columns)
    try:
        standard = decode_lossless(data, shape=shape)
        if not standard.is_ambiguous:
            return standard.words
        other = decode_lossless(data, shape=shape, is_signed=True)
    except ValueError as error:
        raise unreadable(name, f"JPEG Lossless {error}; copy the file again") from None
    if np.array_equal(standard.words, other.words):
        return standard.words
    rough, rough_other = (_roughness(each, form) for each in (standard, other))
    if ROUGHER * rough_other <= rough:
        return other.words
    if form.signed and rough_other < ROUGHER * rough:
        message = (
            "JPEG Lossless frame has two decodings (unsigned or signed prediction), and neither "
            "is smooth; convert it with the program that wrote it"
        )
        raise unreadable(name, message, code="CODEC")
    return standard.words


def _roughness(frame: LosslessFrame, form: PixelFormat) -> float:
    """The mean absolute difference of neighbouring samples, signed like the pixels."""
    values = frame.words.astype(np.int32)
    if form.signed:
        values -= (values >> (frame.bits - 1)) << frame.bits
    return float(sum(np.abs(np.diff(values, axis=axis)).sum() for axis in (0, 1)))
