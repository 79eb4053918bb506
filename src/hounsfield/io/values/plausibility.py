"""Check whether values are plausible as HU, labels or a mask."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import QuantityError, RefusedError, refused
from hounsfield.core.volume import Array
from hounsfield.io.bytes.source_file import Voxels

CHECKED_FROM_VOXELS = 4096
"""Arrays of fewer voxels (16 x 16 x 16) may be crops, which need neither air nor soft tissue."""

SAMPLE_VOXELS = 1 << 18
"""Size of the strided sample: a share of 0.001 is estimated with a relative error of 10 %."""

AIR_BELOW_HU = -850.0
"""Air is -1000 HU, up to -850 at partial-volume edges; lung, fat and noise in fat are higher."""

SOFT_TISSUE_HU = (-200.0, 200.0)
"""Fat (-100), water (0), muscle, blood and brain (30 to 80), contrast agent (to 200)."""

_FORCE = "; use quantity='other' for values without a unit, or assume='hu' if they are HU"

LEAST_SHARE = 1e-4
"""The smallest share of voxels that counts as present."""

MEASURED_HU = (-1500.0, 5000.0)
"""Noise and streaks in air reach -1500 HU, enamel and calibrated metal 5000 HU; scanners with 12
bits store -1024 to 3071."""

ODD_SHARE = 0.05
"""Largest share of values beyond MEASURED_HU: metal fills less of a slice. The one lowest value,
which may be padding, is not counted."""

LEAST_CORRELATION = 0.3
"""Correlation of neighbours along a row, 0 for noise; air and tissue together give over 0.9."""

HU_LIMIT = 70_000.0
"""The extended HU scale for metal ends at 65,535 (16 bits); larger values are not HU."""

LABELS_AT_MOST = 1024
"""The largest published label sets have a few hundred labels; images have thousands of values."""

LABELS_DIFFER_SHARE = 0.35
"""Share of differing neighbours along a row: label maps reach 18 %, CT images exceed 55 %."""

LABEL_EDGE_SHARE = 0.75
"""Labels are contiguous, so most neighbours are equal; in images, noise makes most differ."""


def sample(array: Voxels) -> Array:
    """A flat, even sample of about SAMPLE_VOXELS voxels.

    Strides are along j and k only, so that rows are whole and few slices of a file are read.
    """
    stride = sample_stride(array.size)
    return np.asarray(array[:, ::stride, ::stride]).ravel(order="K")


def sample_stride(size: int) -> int:
    """The stride along j and k of `sample` for an array of `size` voxels."""
    return max(1, round(math.sqrt(size / SAMPLE_VOXELS)))


def check_hu(
    array: Voxels, *, slope: float = 1.0, intercept: float = 0.0, not_hu: str | None = None
) -> tuple[Diagnostic, ...]:
    """Return a warning (NOT_HU) for implausible HU; raise RefusedError for impossible ones.

    Impossible are a header that declares another unit (`not_hu`), values beyond the range of any
    scanner, labels, and fractions that are all within 0 to 1. Implausible are values without air or
    without soft tissue (a skull-stripped brain has no air, a rescaled image has neither), values
    that no scanner measures, and noise. In few voxels labels are only implausible.
    """
    if not_hu is not None:
        raise not_hu_error(not_hu)
    return check_hu_sample(sample(array), slope=slope, intercept=intercept)


def not_hu_error(reason: str) -> RefusedError:
    """The error for a header that declares values other than HU."""
    return refused("NOT_HU", f"values are not HU: {reason}{_FORCE}")


def check_hu_sample(
    sampled: Array, *, slope: float = 1.0, intercept: float = 0.0
) -> tuple[Diagnostic, ...]:
    """Check an even sample of stored values, such as that of `sample`."""
    values = sampled.astype(np.float64) * slope + intercept
    low, high = float(values.min()), float(values.max())
    if max(-low, high) > HU_LIMIT:
        raise refused("NOT_HU", f"values from {low:g} to {high:g} are not HU{_FORCE}")
    if low >= 0 and high <= 1 and bool((np.rint(values) != values).any()):
        raise refused("NOT_HU", f"fractions from {low:g} to {high:g} are not HU{_FORCE}")
    is_crop = values.size < CHECKED_FROM_VOXELS
    if low >= 0 and _like_labels(values):
        message = (
            f"values from {low:g} to {high:g} in uniform regions look like labels, not HU; "
            f"read them with quantity='label' or give them as the labels of an image{_FORCE}"
        )
        if not is_crop:
            raise refused("NOT_HU", message)
        return (Diagnostic("NOT_HU", "warning", message),)
    doubt = "" if is_crop else _unmeasured(values) or _missing(values)
    if not doubt:
        return ()
    message = f"values from {low:g} to {high:g} may not be HU: {doubt}; check the source{_FORCE}"
    return (Diagnostic("NOT_HU", "warning", message),)


def doubts(sampled: Array, *, slope: float = 1.0, intercept: float = 0.0) -> tuple[Diagnostic, ...]:
    """Like `check_hu_sample` for values that a header declares as HU: it warns, never refuses."""
    try:
        return check_hu_sample(sampled, slope=slope, intercept=intercept)
    except RefusedError as error:
        return tuple(replace(each, severity="warning") for each in error.diagnostics)


def check_labels(array: Array) -> None:
    """Raise QuantityError if integers look like an image rather than labels."""
    wrong = ""
    if int(array.min()) < 0:
        wrong = f"the minimum is {int(array.min())}, but labels are 0 or more"
    elif array.size >= CHECKED_FROM_VOXELS:
        wrong = _like_an_image(array)
    if wrong:
        raise QuantityError(f"expected a label map, but the values look like an image: {wrong}")


def check_mask(array: Array) -> None:
    """Raise QuantityError for values other than 0 and 1, or 0 and 255."""
    values = np.unique(sample(array)) if array.size > SAMPLE_VOXELS else np.unique(array)
    high = int(array.max())
    odd = len(values) > 2 or any(int(value) not in (0, high) for value in values)
    if int(array.min()) < 0 or high not in (0, 1, 255) or odd:
        raise QuantityError(
            f"the file has values up to {high}, expected a mask of 0 and 1 (or 0 and 255); read it "
            "with quantity='label'"
        )


def _like_labels(values: Array) -> bool:
    """Whether values in row order are few integers, mostly equal to the previous one."""
    first, second = values[:-1], values[1:]
    used = (first != 0) | (second != 0)
    if not used.any() or float(np.mean(first[used] != second[used])) > LABELS_DIFFER_SHARE:
        return False
    return bool((np.rint(values) == values).all()) and len(np.unique(values)) <= LABELS_AT_MOST


def _unmeasured(values: Array) -> str:
    """How values in row order differ from those of any scanner, or ''."""
    kept = values[values != values.min()] if values.min() < MEASURED_HU[0] else values
    odd = np.mean((kept < MEASURED_HU[0]) | (kept > MEASURED_HU[1])) if kept.size else 0.0
    if float(odd) > ODD_SHARE:
        return f"{float(odd):.0%} are below {MEASURED_HU[0]:g} or above {MEASURED_HU[1]:g}"
    return "neighbouring voxels are unrelated, as in noise" if _is_noise(values) else ""


def _is_noise(values: Array) -> bool:
    """Whether most neighbours in row order differ, and are not correlated."""
    first, second = values[:-1] - values.mean(), values[1:] - values.mean()
    size = math.sqrt(float(first @ first) * float(second @ second))
    is_related = float(first @ second) >= LEAST_CORRELATION * size
    return not is_related and float(np.mean(first != second)) > LABEL_EDGE_SHARE


def _missing(values: Array) -> str:
    air = float(np.mean(values <= AIR_BELOW_HU)) >= LEAST_SHARE
    soft = (
        float(np.mean((values >= SOFT_TISSUE_HU[0]) & (values <= SOFT_TISSUE_HU[1]))) >= LEAST_SHARE
    )
    if air and soft:
        return ""
    lacks = ["air (below -850 HU)"] * (not air) + ["soft tissue (-200 to 200 HU)"] * (not soft)
    return "no " + " and no ".join(lacks)


def _like_an_image(array: Array) -> str:
    stride = max(1, array.size // SAMPLE_VOXELS)
    rows = array.ravel(order="K")
    first = np.asarray(rows[:-1:stride])
    second = np.asarray(rows[1::stride])[: len(first)]
    count = len(np.unique(first))
    if count > LABELS_AT_MOST:
        return f"more than {LABELS_AT_MOST} distinct values"
    used = (first != 0) | (second != 0)
    differ = float(np.mean(first[used] != second[used])) if used.any() else 0.0
    return (
        f"{differ:.0%} of neighbouring voxels differ"
        if differ > LABEL_EDGE_SHARE and count > 16
        else ""
    )
