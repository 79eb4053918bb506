"""Settle stored numbers into the dtype that a Volume has: int16 where all values are whole and fit, else float32."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import QuantityError, refused
from hounsfield.core.policy import ReadPolicy
from hounsfield.core.volume import Array

INT16 = np.iinfo(np.int16)

FLOAT32_WHOLE = 2**24
"""Up to this float32 holds every whole number; integers beyond it would change by being read."""

SLAB_BYTES = 1 << 22
"""Values looked at together, so that the temporaries stay in the cache and out of the peak memory."""


@dataclass(frozen=True, slots=True)
class Range:
    """What a look at all values found: the finite extremes, whether all are whole, how many are not finite."""

    low: float
    high: float
    whole: bool
    non_finite: int


def slabs(array: Array) -> Iterator[slice]:
    """Runs of k-slices of a few megabytes each."""
    step = max(1, SLAB_BYTES // max(1, array[:, :, :1].nbytes))
    for start in range(0, array.shape[2], step):
        yield slice(start, min(start + step, array.shape[2]))


def rescaled_array(
    array: Array, *, slope: float, intercept: float, background: float, policy: ReadPolicy
) -> tuple[Array, tuple[Diagnostic, ...]]:
    """stored * slope + intercept as int16 where every value is whole and fits, else float32, Fortran-ordered.

    Computed in float64 for rescaled values and rounded once. NaN and infinite voxels become `background` where the
    policy is padding='air' and they reach the volume's faces, as the outside of a scan does; else they are refused.
    Raises RefusedError (NON_FINITE, TOO_LARGE).
    """
    found = survey(array, slope, intercept)
    diagnostics = _non_finite(array, found, background, policy) if found.non_finite else ()
    dtype = dtype_for(found, background if found.non_finite else None)
    result = np.empty(array.shape, dtype=dtype, order="F")
    for part in slabs(array):
        values = rescaled(array[:, :, part], slope, intercept)
        if found.non_finite:
            values = np.where(np.isfinite(values), values, background)
        result[:, :, part] = values
    return result, diagnostics


def survey(array: Array, slope: float = 1.0, intercept: float = 0.0) -> Range:
    """Look at every value of stored * slope + intercept."""
    low, high, whole, non_finite = np.inf, -np.inf, True, 0
    for part in slabs(array):
        values = rescaled(array[:, :, part], slope, intercept)
        if values.dtype.kind == "f":
            finite = np.isfinite(values)
            missing = values.size - int(np.count_nonzero(finite))
            if missing:
                non_finite += missing
                values = values[finite]
            whole = whole and bool((np.rint(values) == values).all())
        if values.size:
            low, high = min(low, float(values.min())), max(high, float(values.max()))
    return Range(low, high, whole, non_finite)


def rescaled(values: Array, slope: float, intercept: float) -> Array:
    """stored * slope + intercept in float64; the stored values themselves where that changes nothing."""
    if slope == 1.0 and intercept == 0.0:
        return values
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(values.astype(np.float64) * slope + intercept)


def dtype_for(found: Range, background: float | None = None) -> np.dtype[Any]:
    """int16 or float32; raises RefusedError where neither holds the values."""
    low, high = found.low, found.high
    if background is not None:
        low, high = min(low, background), max(high, background)
    if (
        found.whole
        and (background is None or background.is_integer())
        and low >= INT16.min
        and high <= INT16.max
    ):
        return np.dtype(np.int16)
    limit = FLOAT32_WHOLE if found.whole else float(np.finfo(np.float32).max)
    if max(-low, high) > limit and low <= high:
        raise refused(
            "VALUE_RANGE",
            f"the values run from {found.low:g} to {found.high:g}, which float32 does not "
            "hold exactly",
        )
    return np.dtype(np.float32)


def label_values(array: Array, *, slope: float, intercept: float) -> Array:
    """Whole numbers in the smallest change of type: integers up to 16 bits as they are, others int16, int32 or int64.

    Raises QuantityError where a value is not whole, which no label is.
    """
    found = survey(array, slope, intercept)
    if found.non_finite or not found.whole:
        raise QuantityError(
            "labels are whole numbers, and this file holds fractions or NaN: it looks like an image"
        )
    same = slope == 1.0 and intercept == 0.0
    if same and array.dtype.kind in "biu" and array.dtype.itemsize <= 2:
        return np.asarray(array.astype(array.dtype.newbyteorder("="), copy=False))
    dtype = next(
        (
            kind
            for kind in (np.int16, np.int32, np.int64)
            if np.iinfo(kind).min <= found.low and found.high <= np.iinfo(kind).max
        ),
        None,
    )
    if dtype is None:
        raise QuantityError(
            f"labels run from {found.low:g} to {found.high:g}, which no integer type holds"
        )
    result = np.empty(array.shape, dtype=dtype, order="F")
    for part in slabs(array):
        result[:, :, part] = rescaled(array[:, :, part], slope, intercept)
    return result


def _non_finite(
    array: Array, found: Range, background: float, policy: ReadPolicy
) -> tuple[Diagnostic, ...]:
    count = found.non_finite
    what = f"{count} voxel{'s are' if count > 1 else ' is'} NaN or infinite"
    if policy.padding == "keep":
        raise refused("NON_FINITE", f"{what}; padding='air' takes those outside for air")
    if count == array.size:
        raise refused("NON_FINITE", "every voxel is NaN or infinite")
    holes = _enclosed(~np.isfinite(array))
    if holes:
        raise refused(
            "NON_FINITE",
            f"{what}, and {holes} of them lie inside the picture, where nothing says what "
            "was there; set them yourself first",
        )
    return (
        Diagnostic(
            "NON_FINITE", "repair", f"{what}, outside of the picture: set to {background:g}"
        ),
    )


def _enclosed(missing: NDArray[np.bool_]) -> int:
    """How many of the missing voxels belong to no piece that reaches a face of the volume (axes of one slice have
    none)."""
    from scipy import ndimage

    if missing.ndim == 4:
        return sum(_enclosed(missing[..., n]) for n in range(missing.shape[3]))
    pieces, count = ndimage.label(missing, structure=np.ones((3, 3, 3)))
    outside = np.zeros(count + 1, dtype=bool)
    outside[0] = True
    for axis, size in enumerate(missing.shape):
        if size > 1:
            outside[np.unique(np.take(pieces, [0, -1], axis=axis))] = True
    return int(np.count_nonzero(~outside[pieces]))
