"""Cast voxels to another dtype: rounded where it is whole, refused where it does not hold them."""

from __future__ import annotations

from typing import Any

import numpy as np

from hounsfield.core.errors import QuantityError
from hounsfield.core.volume import Array, Volume

SLAB_BYTES = 1 << 22
"""Values cast together, so that the temporaries stay in the cache and out of the peak memory."""

UNIT_QUANTITIES = ("unit", "standardized")
"""Quantities of small real numbers, of which whole numbers would leave next to nothing."""


def cast(volume: Volume, dtype: np.dtype[Any] | str) -> Volume:
    """Return the volume in another dtype, integers rounded half to even; the same volume if it has it already.

    Raises QuantityError where a value lies outside of what the dtype holds, and for unit or standardized values in whole
    numbers: map them to 0..255 first.
    """
    target = np.dtype(dtype)
    if target == volume.spec.dtype:
        return volume
    if target.kind in "biu" and volume.quantity in UNIT_QUANTITIES:
        raise QuantityError(
            f"{volume.quantity} values cannot be {target}: map them with MapRange(to_high=255) first"
        )
    return Volume(cast_array(volume.array, target), volume.spec.replaced(dtype=target))


def cast_array(array: Array, dtype: np.dtype[Any] | str) -> Array:
    """Return an array (i, j, k) or (i, j, k, channel) as `dtype`, Fortran-ordered; the same array if it is already.

    Never wrapped, never infinite: raises QuantityError where a value lies outside of what the dtype holds.
    """
    target = np.dtype(dtype)
    if target.kind not in "biuf":
        raise QuantityError(f"voxels are real numbers or booleans, not {target}")
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
        # Compared as Python numbers: float64 rounds 2**63 - 1 up, and int64 with uint64 would be compared as floats.
        found_low, found_high = whole.min().item(), whole.max().item()
        if not (low <= found_low and found_high <= high):
            raise QuantityError(
                f"values from {found_low:g} to {found_high:g} do not fit {target} ({low} to {high}); "
                f"choose another dtype, or map the values first"
            )
        return np.asarray(whole.astype(target))
    with np.errstate(over="ignore"):
        result = values.astype(target)
    if not np.isfinite(result).all():
        raise QuantityError(
            f"values do not fit {target}, which ends at {np.finfo(target).max:g}; choose another dtype"
        )
    return np.asarray(result)
