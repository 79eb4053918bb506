"""Cast voxels to the dtype of an output: rounded where it is whole, refused where it does not hold them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from hounsfield.core.errors import QuantityError
from hounsfield.core.volume import Array
from hounsfield.io.values.dtype import slabs


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
            raise QuantityError(
                f"{target} holds {low} to {high}, and the values run from {found_low:g} to "
                f"{found_high:g}; choose another dtype, or map the values first"
            )
        return np.asarray(whole.astype(target))
    with np.errstate(over="ignore"):
        result = values.astype(target)
    if not np.isfinite(result).all():
        raise QuantityError(
            f"{target} ends at {np.finfo(target).max:g}, and values lie beyond; choose another dtype"
        )
    return np.asarray(result)


def storable(array: Array) -> Array:
    """The array in a type that every format has: booleans as uint8, float16 as float32."""
    dtype = storable_dtype(array.dtype)
    return array if array.dtype == dtype else array.astype(dtype, order="F")


def storable_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The type that every format has for values of `dtype`."""
    if dtype.kind == "b":
        return np.dtype(np.uint8)
    return np.dtype(np.float32) if dtype == np.float16 else dtype


def blocks(array: Array) -> Iterator[bytes]:
    """The bytes of a Fortran-ordered array (i, j, k) or (i, j, k, channel), little-endian, k-slice by k-slice."""
    little = array.dtype.newbyteorder("<")
    for part in (array,) if array.ndim == 3 else (array[..., n] for n in range(array.shape[3])):
        for k in range(part.shape[2]):
            yield np.asarray(part[:, :, k], dtype=little).tobytes(order="F")
