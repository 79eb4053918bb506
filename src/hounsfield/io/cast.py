"""Cast voxels to the dtype of an output: rounded where it is whole, refused where it does not hold them."""

from __future__ import annotations

from typing import Any

import numpy as np

from hounsfield.core.errors import QuantityError
from hounsfield.core.volume import Array
from hounsfield.io.settle import slabs


def cast(array: Array, dtype: np.dtype[Any] | str) -> Array:
    """The array as `dtype`: rounded to even for integers, never wrapped, never infinite; the same array if it is.

    Raises QuantityError where a value lies outside of what the dtype holds.
    """
    target = np.dtype(dtype)
    if target.kind not in "biuf":
        raise QuantityError(f"voxels are written as real numbers or booleans, not {target}")
    if array.dtype == target:
        return array
    result = np.empty(array.shape, dtype=target, order="F")
    for part in slabs(array):
        result[:, :, part] = _cast(array[:, :, part], target)
    return result


def _cast(values: Array, target: np.dtype[Any]) -> Array:
    if target.kind in "biu":
        whole = np.rint(values) if values.dtype.kind == "f" else values
        low, high = (0, 1) if target.kind == "b" else (np.iinfo(target).min, np.iinfo(target).max)
        # Compared as Python numbers: float64 rounds 2**63 - 1 up, and int64 with uint64 would be compared as floats.
        found_low, found_high = whole.min().item(), whole.max().item()
        if not (low <= found_low and found_high <= high):
            raise QuantityError(f"{target} holds {low} to {high}, and the values run from {found_low:g} to "
                                f"{found_high:g}; choose another dtype, or map the values first")
        return np.asarray(whole.astype(target))
    with np.errstate(over="ignore"):
        result = values.astype(target)
    if not np.isfinite(result).all():
        raise QuantityError(f"{target} ends at {np.finfo(target).max:g}, and values lie beyond; choose another dtype")
    return np.asarray(result)
