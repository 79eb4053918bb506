"""Slices rescaled where they are decoded, while they lie in the cache: a whole int16 volume in one pass over memory."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Range = tuple[float, float]
_LOW, _HIGH = -32768, 32767


class LeavesInt16(Exception):
    """A rescaled value does not fit int16."""


def finish_slice(values: Array, *, intercept: int, padding: Range | None, background: int) -> None:
    """RawImage values (int16, or the words of uint16) of one slice into int16 values of slope 1, in place.

    Values within `padding` become `background`. Raises LeavesInt16 before anything is written where a value would not
    fit. `values` keeps its dtype: the caller looks at the same words as int16.
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
        raise LeavesInt16
    words = values.view(np.int16)
    np.add(words, np.int16(intercept), out=words)
    if mask is not None:
        np.copyto(words, np.int16(background), where=mask)
