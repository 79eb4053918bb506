"""Conversion of HU to stored values, and the values that a reader should return."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.spec import AIR_HU
from hounsfield.phantom.faults import Faults

INTERCEPT_HU = -1024.0
OVERLAY_BIT = 12
TWELVE_BITS = 4095


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stored:
    """Stored values (i, j) of a slice, int16 or uint16, its rescale, and true values, float32."""

    values: NDArray[Any]
    slope: float
    intercept: float
    truth: NDArray[np.float32]


def store(
    hu: NDArray[np.float32], outside: NDArray[np.bool_], slope: float, faults: Faults
) -> Stored:
    """Store one slice (i, j) of HU with `faults`; the truth is rounded, with air for padding."""
    intercept = 0.0 if faults.rescale == "absent" else INTERCEPT_HU
    raw = np.rint((hu - intercept) / slope)
    if faults.overlay or faults.rescale == "lut":
        return _twelve_bits(raw, outside, faults)
    raw = np.clip(raw, -32768, 32767)
    truth = (raw * slope + intercept).astype(np.float32)
    padding, _ = faults.stored_padding
    if padding is not None:
        raw[outside], truth[outside] = padding, AIR_HU
    return Stored(values=raw.astype(np.int16), slope=slope, intercept=intercept, truth=truth)


def _twelve_bits(raw: NDArray[np.float32], outside: NDArray[np.bool_], faults: Faults) -> Stored:
    values = np.clip(raw - (AIR_HU if faults.rescale == "absent" else 0), 0, TWELVE_BITS).astype(
        np.uint16
    )
    intercept = AIR_HU if faults.rescale == "absent" else INTERCEPT_HU
    truth = values.astype(np.float32) + (0.0 if faults.rescale == "lut" else np.float32(intercept))
    if faults.rescale == "lut":
        values = TWELVE_BITS - values
    if faults.overlay:
        values = values | (outside.astype(np.uint16) << OVERLAY_BIT)
    return Stored(values=values, slope=1.0, intercept=intercept, truth=truth)
