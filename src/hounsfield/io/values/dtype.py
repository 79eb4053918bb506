"""Convert stored values to int16 if they are integers in range, else to float32."""

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
from hounsfield.io.bytes.source_file import Voxels

INT16 = np.iinfo(np.int16)

FLOAT32_WHOLE = 2**24
"""Largest integer up to which float32 is exact."""

SLAB_BYTES = 1 << 22
"""Bytes processed at once, so that temporaries stay in the cache."""


@dataclass(frozen=True, slots=True)
class Range:
    """The finite minimum and maximum, whether all values are integers, and the non-finite count."""

    low: float
    high: float
    whole: bool
    non_finite: int


def slabs(array: Voxels) -> Iterator[slice]:
    """Consecutive runs of k-slices of a few megabytes each."""
    voxels = array.size // array.shape[2]
    step = max(1, SLAB_BYTES // max(1, voxels * array.dtype.itemsize))
    for start in range(0, array.shape[2], step):
        yield slice(start, min(start + step, array.shape[2]))


def rescale_to_dtype(
    array: Voxels, *, slope: float, intercept: float, background: float, policy: ReadPolicy
) -> tuple[Array, tuple[Diagnostic, ...]]:
    """stored * slope + intercept as int16 if all are integers in range, else float32.

    Rescaled values are computed in float64 and rounded once; the result is Fortran-ordered. With
    padding='air', NaN and infinite voxels that are connected to the border become `background`;
    others are refused. Raises RefusedError (NON_FINITE, TOO_LARGE).
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


def survey(array: Voxels, slope: float = 1.0, intercept: float = 0.0) -> Range:
    """The range of stored * slope + intercept over all voxels."""
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
    """stored * slope + intercept in float64; unchanged for slope 1 and intercept 0."""
    if slope == 1.0 and intercept == 0.0:
        return values
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(values.astype(np.float64) * slope + intercept)


def dtype_for(found: Range, background: float | None = None) -> np.dtype[Any]:
    """int16 or float32; raises RefusedError if neither can represent the values."""
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
            f"values from {found.low:g} to {found.high:g} cannot be represented exactly in "
            "float32; clip or rescale them first",
        )
    return np.dtype(np.float32)


def label_values(array: Voxels, *, slope: float, intercept: float) -> Array:
    """Label values: integers up to 16 bits unchanged, others as int16, int32 or int64.

    Raises QuantityError if a value is not an integer.
    """
    found = survey(array, slope, intercept)
    if found.non_finite or not found.whole:
        raise QuantityError(
            "labels must be integers, but the file has fractions or NaN; it may be an image"
        )
    same = slope == 1.0 and intercept == 0.0
    if same and array.dtype.kind in "biu" and array.dtype.itemsize <= 2:
        return np.asarray(np.asarray(array).astype(array.dtype.newbyteorder("="), copy=False))
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
            f"labels from {found.low:g} to {found.high:g}; expected at most 64 bits"
        )
    result = np.empty(array.shape, dtype=dtype, order="F")
    for part in slabs(array):
        result[:, :, part] = rescaled(array[:, :, part], slope, intercept)
    return result


def _non_finite(
    array: Voxels, found: Range, background: float, policy: ReadPolicy
) -> tuple[Diagnostic, ...]:
    count = found.non_finite
    what = f"{count} voxel{'s are' if count > 1 else ' is'} NaN or infinite"
    if policy.padding == "keep":
        raise refused("NON_FINITE", f"{what}; use padding='air' to replace those outside by air")
    if count == array.size:
        raise refused(
            "NON_FINITE", "every voxel is NaN or infinite; copy the file again from the source"
        )
    holes = _enclosed(~np.isfinite(np.asarray(array)))
    if holes:
        raise refused(
            "NON_FINITE", f"{what}, {holes} of them inside the image; replace them before reading"
        )
    return (
        Diagnostic("NON_FINITE", "repair", f"{what}, outside the image; set to {background:g}"),
    )


def _enclosed(missing: NDArray[np.bool_]) -> int:
    """The number of missing voxels that are not connected to the border (of axes longer than 1)."""
    from scipy import ndimage

    if missing.ndim == 4:
        return sum(_enclosed(missing[..., n]) for n in range(missing.shape[3]))
    regions, count = ndimage.label(missing, structure=np.ones((3, 3, 3)))
    outside = np.zeros(count + 1, dtype=bool)
    outside[0] = True
    for axis, size in enumerate(missing.shape):
        if size > 1:
            outside[np.unique(np.take(regions, [0, -1], axis=axis))] = True
    return int(np.count_nonzero(~outside[regions]))
