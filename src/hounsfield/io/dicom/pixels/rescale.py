"""Rescale int16 slices in place right after decoding, while they are in the CPU cache."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Range = tuple[float, float]
_LOW, _HIGH = -32768, 32767


class Int16Overflow(Exception):
    """A rescaled value is outside the range of int16."""


def rescale_slice(values: Array, *, intercept: int, padding: Range | None, background: int) -> None:
    """Add `intercept` to the stored values (int16 or uint16) of one slice, in place, as int16.

    Values within `padding` become `background`. Raises Int16Overflow before it writes anything.
    `values` keeps its dtype; the caller views the same memory as int16.
    """
    low, high = int(values.min()), int(values.max())
    mask = None
    if padding is not None and low <= padding[1] and high >= padding[0]:
        mask = (values >= padding[0]) & (values <= padding[1])
        rest = values[~mask] if low + intercept < _LOW or high + intercept > _HIGH else None
        if rest is not None and rest.size:
            low, high = int(rest.min()), int(rest.max())
        elif rest is not None:
            low, high = -intercept, -intercept
    if low + intercept < _LOW or high + intercept > _HIGH:
        raise Int16Overflow
    signed = values.view(np.int16)
    np.add(signed, np.int16(intercept), out=signed)
    if mask is not None:
        np.copyto(signed, np.int16(background), where=mask)
