"""Cast voxels to an output dtype, with rounding and range checks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from hounsfield.core.errors import QuantityError
from hounsfield.core.volume import Array
from hounsfield.io.values.dtype import slabs


def cast(array: Array, dtype: np.dtype[Any] | str) -> Array:
    """The array as `dtype`, rounded half to even for integers; the same array if it has it.

    Raises QuantityError if a value is out of range.
    """
    target = np.dtype(dtype)
    if target.kind not in "biuf":
        raise QuantityError(f"cannot cast voxels to {target}; expected a real or boolean dtype")
    if array.dtype == target:
        return array
    result = np.empty(array.shape, dtype=target, order="F")
    for part in slabs(array):
        result[:, :, part] = _cast(array[:, :, part], target)
    return result


def _cast(values: Array, target: np.dtype[Any]) -> Array:
    if target.kind in "biu":
        rounded = np.rint(values) if values.dtype.kind == "f" else values
        low, high = (0, 1) if target.kind == "b" else (np.iinfo(target).min, np.iinfo(target).max)
        # Compare Python numbers: numpy would compare int64 with uint64, and 2**63 - 1, as float64.
        found_low, found_high = rounded.min().item(), rounded.max().item()
        if not (low <= found_low and found_high <= high):
            raise QuantityError(
                f"values from {found_low:g} to {found_high:g} exceed {target} ({low} to {high}); "
                "choose another dtype, or rescale the values first"
            )
        return np.asarray(rounded.astype(target))
    with np.errstate(over="ignore"):
        result = values.astype(target)
    if not np.isfinite(result).all():
        raise QuantityError(
            f"values exceed {target} (up to {np.finfo(target).max:g}); choose another dtype"
        )
    return np.asarray(result)


def storable(array: Array) -> Array:
    """The array in a dtype of every format: booleans as uint8, float16 as float32."""
    dtype = storable_dtype(array.dtype)
    return array if array.dtype == dtype else array.astype(dtype, order="F")


def storable_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype in which values of `dtype` are written."""
    if dtype.kind == "b":
        return np.dtype(np.uint8)
    return np.dtype(np.float32) if dtype == np.float16 else dtype


def blocks(array: Array) -> Iterator[bytes]:
    """The little-endian bytes of an array (i, j, k[, channel]) in Fortran order, by k-slice."""
    little = array.dtype.newbyteorder("<")
    for part in (array,) if array.ndim == 3 else (array[..., n] for n in range(array.shape[3])):
        for k in range(part.shape[2]):
            yield np.asarray(part[:, :, k], dtype=little).tobytes(order="F")
