"""The dtype of rescaled values, worked out from slopes and intercepts before any value is read."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def rescaled_dtype(stored: np.dtype[Any], slopes: Floats, intercepts: Floats) -> np.dtype[Any]:
    """Return int16 if all rescaled values are integers that fit, else float32.

    Two stored bytes could exceed int16 after the intercept, but scanners' 12 to 16 bits do not:
    OnePass checks it when they are read, and returns float32 if they do.
    """
    if stored.kind not in "biu" or np.any(slopes % 1) or np.any(intercepts % 1):
        return np.dtype(np.float32)
    fits = stored.itemsize <= 2 or not exceeds_int16(stored, slopes, intercepts)
    return np.dtype(np.int16) if fits else np.dtype(np.float32)


def exceeds_int16(stored: np.dtype[Any], slopes: Floats, intercepts: Floats) -> bool:
    """Tell whether any value of the stored dtype exceeds int16 after the rescale."""
    low, high = value_limits(stored)
    ends = np.concatenate([slopes * low + intercepts, slopes * high + intercepts])
    return bool(ends.min() < -32768 or ends.max() > 32767)


def value_limits(dtype: np.dtype[Any]) -> tuple[float, float]:
    """Return the least and greatest value of a dtype."""
    if dtype.kind == "b":
        return 0.0, 1.0
    if dtype.kind == "f":
        return float(np.finfo(dtype).min), float(np.finfo(dtype).max)
    return float(np.iinfo(dtype).min), float(np.iinfo(dtype).max)
