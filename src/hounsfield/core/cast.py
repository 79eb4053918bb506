"""Cast voxels to another dtype: integers are rounded, values out of range are refused."""

from __future__ import annotations

from typing import Any

import numpy as np

from hounsfield.core.dtype import voxel_dtype
from hounsfield.core.errors import QuantityError
from hounsfield.core.volume import Array, Volume

SLAB_BYTES = 1 << 22
"""Bytes cast at a time, so that temporary arrays stay in the cache."""

UNIT_QUANTITIES = ("unit", "standardized")
"""Quantities of small real numbers, which are not cast to integers."""


def cast(volume: Volume, dtype: np.dtype[Any] | str) -> Volume:
    """Return the volume in another dtype, integers rounded half to even.

    A volume that already has the dtype is returned unchanged. Raises QuantityError if a value is
    out of the range of the dtype, if `dtype` is not one of voxels, and for unit or standardized
    values as integers.
    """
    target = voxel_dtype(dtype)
    if target == volume.spec.dtype:
        return volume
    if target.kind in "biu" and volume.quantity in UNIT_QUANTITIES:
        raise QuantityError(
            f"{volume.quantity} values cannot be {target}: "
            f"map them with MapRange(to_high=255) first"
        )
    return Volume(cast_array(volume.array, target), volume.spec.replaced(dtype=target))


def check_finite(volume: Volume, *, what: str) -> None:
    """Raise QuantityError if a voxel is NaN or infinite; `what` names the volume."""
    array = volume.array
    if array.dtype.kind != "f" or not array.size:
        return
    if not np.isfinite([array.min(), array.max()]).all():
        raise QuantityError(f"{what} has NaN or infinite values; replace them first")


def cast_array(array: Array, dtype: np.dtype[Any] | str) -> Array:
    """Return an array (i, j, k) or (i, j, k, channel) as `dtype`, Fortran-ordered.

    An array that already has the dtype is returned unchanged. Raises QuantityError if a value is
    out of the range of the dtype.
    """
    target = voxel_dtype(dtype)
    if array.dtype == target:
        return array
    result = np.empty(array.shape, dtype=target, order="F")
    step = max(1, SLAB_BYTES // max(1, array[:, :, :1].nbytes))
    for start in range(0, array.shape[2], step):
        part = slice(start, start + step)
        result[:, :, part] = _cast(array[:, :, part], target)
    return result


def _cast(values: Array, target: np.dtype[Any]) -> Array:
    if target.kind in "biu":
        whole = np.rint(values) if values.dtype.kind == "f" else values
        low, high = (0, 1) if target.kind == "b" else (np.iinfo(target).min, np.iinfo(target).max)
        # Compare as Python numbers: numpy compares int64 with uint64 as float64, which rounds
        # 2**63 - 1 up.
        found_low, found_high = whole.min().item(), whole.max().item()
        if not (low <= found_low and found_high <= high):
            raise QuantityError(
                f"values from {found_low:g} to {found_high:g} do not fit {target} "
                f"({low} to {high}); choose another dtype, or map the values first"
            )
        return np.asarray(whole.astype(target))
    with np.errstate(over="ignore"):
        result = values.astype(target)
    if not np.isfinite(result).all():
        raise QuantityError(
            f"values do not fit {target}, whose maximum is {np.finfo(target).max:g}; "
            f"choose another dtype"
        )
    return np.asarray(result)
