"""Decode JPEG Lossless (SOF3, ITU-T T.81 annex H) codestreams of one component."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

import hounsfield.kernels.native as native


class LosslessFrame(NamedTuple):
    """Decoded words (rows, columns), their bits, and whether signed prediction might differ."""

    words: NDArray[np.uint16]
    bits: int
    is_ambiguous: bool


def decode_lossless(
    data: bytes, *, shape: tuple[int, int], is_signed: bool = False
) -> LosslessFrame:
    """Decode a codestream of 2 to 16 bits and any predictor, point transform or restart interval.

    The standard predicts from samples of 0 to 2^bits - 1 (T.81 H.1.2.1). Some encoders of signed
    pixels predict from signed samples: with the predictors 5 to 7, which halve a sum, that gives
    other values wherever neighbours differ in sign. `is_signed` decodes those.

    Parameters
    ----------
    data
        The codestream from its start marker to its end marker; what follows is ignored.
    shape
        Rows and columns, which the codestream must have.
    is_signed
        Whether samples are predicted as signed 16-bit values.

    Returns
    -------
    LosslessFrame
        Words of `bits` bits in uint16, negative samples in two's complement; `is_ambiguous` is
        whether the predictor halves sums and a sample has its highest bit set.

    Raises
    ------
    ValueError
        If the codestream is malformed, truncated, has several components or another size.
    """
    words: NDArray[np.uint16] = np.empty(shape, dtype=np.uint16)
    bits, is_ambiguous = native.jpeg_lossless(np.frombuffer(data, np.uint8), is_signed, words)
    return LosslessFrame(words, bits, is_ambiguous)
