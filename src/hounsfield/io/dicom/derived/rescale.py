"""Find the rescale slope and intercept with which values are stored in 16 bits."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.errors import QuantityError
from hounsfield.io.values.dtype import slabs, survey

LOWEST, HIGHEST = -32768, 32767
"""Range of a signed 16-bit stored value."""


@dataclass(frozen=True, slots=True)
class Rescale:
    """value = stored * slope + intercept, as decimal strings (PS3.3 C.11.1.1.2).

    `error` is the largest absolute rounding error of a value.
    """

    slope: str
    intercept: str
    error: float = 0.0

    def stored(self, values: NDArray[Any]) -> NDArray[np.int16]:
        """The stored values of `values`, which must be in the range the rescale was made for."""
        if (self.slope, self.intercept) == ("1", "0"):
            return np.asarray(values.astype(np.int16))
        exact = (values.astype(np.float64) - float(self.intercept)) / float(self.slope)
        return np.asarray(np.clip(np.rint(exact), LOWEST, HIGHEST).astype(np.int16))


def rescale_for(array: NDArray[Any]) -> Rescale:
    """The most accurate rescale: slope 1 for integers that span at most 65,535, else the finest.

    Raises QuantityError for values that are not finite or exceed a 16-character decimal string.
    """
    values = survey(array)
    if values.non_finite or not math.isfinite(values.high - values.low):
        raise QuantityError("NaN or infinite values cannot be written as DICOM; replace them first")
    if values.whole and values.low >= LOWEST and values.high <= HIGHEST:
        return Rescale("1", "0")
    if values.whole and values.high - values.low <= HIGHEST - LOWEST and abs(values.low) < 2**40:
        return Rescale("1", str(int(values.low) - LOWEST))
    middle, step = (values.high + values.low) / 2, (values.high - values.low) / (HIGHEST - LOWEST)
    if step == 0:
        return Rescale("1", decimal(middle), abs(float(decimal(middle)) - middle))
    slope = decimal(step)
    intercept = decimal(middle + float(slope) / 2)
    rounding = abs(float(intercept) - (middle + step / 2)) + abs(float(slope) - step) * (
        HIGHEST - LOWEST
    )
    return Rescale(slope, intercept, float(slope) / 2 + rounding)


def decimal(value: float) -> str:
    """The closest decimal string (DS) of at most 16 characters (PS3.5 6.2).

    >>> decimal(0.48828125), decimal(-1 / 3), decimal(1e-20), decimal(-0.0)
    ('0.48828125', '-0.3333333333333', '1e-20', '0')
    """
    if value == 0:
        return "0"
    for digits in range(17, 0, -1):
        text = f"{value:.{digits}g}"
        if len(text) <= 16:
            return text
    raise QuantityError(f"{value:g} cannot be written as a DICOM decimal string (16 characters)")


def fingerprint(array: NDArray[Any]) -> bytes:
    """The SHA-256 of an array's values in Fortran order, with its dtype."""
    import hashlib

    digest = hashlib.sha256(str(array.dtype.newbyteorder("<")).encode("ascii"))
    for part in slabs(array):
        little = np.asfortranarray(array[:, :, part]).astype(
            array.dtype.newbyteorder("<"), copy=False
        )
        digest.update(little.ravel(order="F").data)
    return digest.digest()
