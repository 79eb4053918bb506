"""Judge whether numbers look like what they are taken for: HU, labels, or a mask. Doubt warns, proof refuses."""

from __future__ import annotations

import math

import numpy as np

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import QuantityError, RefusedError, refused
from hounsfield.core.volume import Array

CHECKED_FROM_VOXELS = 4096
"""Fewer voxels than 16 x 16 x 16 are no scan, and say nothing about what scans hold."""

SAMPLE_VOXELS = 1 << 18
"""So many voxels, evenly strided, show a peak of a thousandth with an error of a tenth of it."""

AIR_BELOW_HU = -850.0
"""Air around and in the body reads -1000, and to -850 at the edge of it; lung, fat and noise in fat lie above."""

SOFT_TISSUE_HU = (-200.0, 200.0)
"""Fat (-100), water (0), muscle, blood and brain (30 to 80), contrast (to 200): every body holds some."""

_FORCE = "; quantity='other' reads the numbers as they are, assume='hu' takes them for HU"

LEAST_SHARE = 1e-4
"""The share of voxels from which a peak counts as there."""

HU_LIMIT = 70_000.0
"""The extended scale of metal ends at 65,535 (16 bits); a value beyond it is no HU of any scanner."""

LABELS_AT_MOST = 1024
"""The largest published sets of structures hold a few hundred labels; an image has thousands of values."""

LABELS_DIFFER_SHARE = 0.35
"""In label maps of thin and many structures up to 18 % of neighbours along a row differ, in CT of any kind over 55 %."""

LABEL_EDGE_SHARE = 0.75
"""Labels lie in pieces: most neighbours agree. In an image, noise makes nearly all of them differ."""


def sample(array: Array) -> Array:
    """An even sample of about SAMPLE_VOXELS of an array, flat; strides along k and j only, so that a mapped file is
    read in runs."""
    stride = sample_stride(array.size)
    return np.asarray(array[:, ::stride, ::stride]).ravel(order="K")


def sample_stride(size: int) -> int:
    """Every how manieth row and slice `sample` takes of an array of `size` voxels."""
    return max(1, round(math.sqrt(size / SAMPLE_VOXELS)))


def check_hu(
    array: Array, *, slope: float = 1.0, intercept: float = 0.0, not_hu: str | None = None
) -> tuple[Diagnostic, ...]:
    """A warning (NOT_HU) where values do not look like HU; raise RefusedError (NOT_HU) where they cannot be.

    Proof is a header that says otherwise (`not_hu`), values beyond any scanner's, or fractions within 0 to 1 alone.
    Doubt is no air, or no soft tissue: a skull-stripped brain has no air, a rescaled map has neither.
    """
    if not_hu is not None:
        raise not_hu_error(not_hu)
    if array.size >= CHECKED_FROM_VOXELS:
        return check_hu_sample(sample(array), slope=slope, intercept=intercept)
    return ()


def not_hu_error(reason: str) -> RefusedError:
    """The error of a header that says that values are not HU."""
    return refused("NOT_HU", f"these are not HU: {reason}{_FORCE}")


def check_hu_sample(
    sampled: Array, *, slope: float = 1.0, intercept: float = 0.0
) -> tuple[Diagnostic, ...]:
    """The same of an even sample of the values, such as `sample` takes."""
    values = sampled.astype(np.float64) * slope + intercept
    low, high = float(values.min()), float(values.max())
    if max(-low, high) > HU_LIMIT:
        raise refused("NOT_HU", f"these are not HU: values run from {low:g} to {high:g}{_FORCE}")
    if low >= 0 and high <= 1 and bool((np.rint(values) != values).any()):
        raise refused("NOT_HU", f"these are not HU: all are fractions, {low:g} to {high:g}{_FORCE}")
    if low >= 0 and _like_labels(values):
        raise refused(
            "NOT_HU",
            f"these look like labels, {low:g} to {high:g} in pieces of one value: read them with "
            f"quantity='label', or give them by --label{_FORCE}",
        )
    missing = _missing(values)
    if not missing:
        return ()
    message = (
        f"these values, {low:g} to {high:g}, may not be HU: {missing}; check the source{_FORCE}"
    )
    return (Diagnostic("NOT_HU", "warning", message),)


def check_labels(array: Array) -> None:
    """Raise QuantityError where whole numbers look like an image rather than labels."""
    wrong = ""
    if int(array.min()) < 0:
        wrong = f"values go down to {int(array.min())}, and labels are 0 or more"
    elif array.size >= CHECKED_FROM_VOXELS:
        wrong = _like_an_image(array)
    if wrong:
        raise QuantityError(f"a label map was asked for, and this looks like an image: {wrong}")


def check_mask(array: Array) -> None:
    """Raise QuantityError where there is another value than 0 and 1, or 0 and 255."""
    values = np.unique(sample(array)) if array.size > SAMPLE_VOXELS else np.unique(array)
    high = int(array.max())
    odd = len(values) > 2 or any(int(value) not in (0, high) for value in values)
    if int(array.min()) < 0 or high not in (0, 1, 255) or odd:
        raise QuantityError(
            f"a mask holds 0 and 1 (or 0 and 255), and this file holds other values, up to {high}; "
            "read it with quantity='label'"
        )


def _like_labels(values: Array) -> bool:
    """Whether values of 0 and more, in the order of their rows, are labels: few, whole, and mostly like the one before."""
    first, second = values[:-1], values[1:]
    used = (first != 0) | (second != 0)
    if not used.any() or float(np.mean(first[used] != second[used])) > LABELS_DIFFER_SHARE:
        return False
    return bool((np.rint(values) == values).all()) and len(np.unique(values)) <= LABELS_AT_MOST


def _missing(values: Array) -> str:
    air = float(np.mean(values <= AIR_BELOW_HU)) >= LEAST_SHARE
    soft = (
        float(np.mean((values >= SOFT_TISSUE_HU[0]) & (values <= SOFT_TISSUE_HU[1]))) >= LEAST_SHARE
    )
    if air and soft:
        return ""
    lacks = ["air, below -850"] * (not air) + ["soft tissue, -200 to 200"] * (not soft)
    return "there is no " + " and no ".join(lacks)


def _like_an_image(array: Array) -> str:
    stride = max(1, array.size // SAMPLE_VOXELS)
    rows = array.ravel(order="K")
    first = np.asarray(rows[:-1:stride])
    second = np.asarray(rows[1::stride])[: len(first)]
    count = len(np.unique(first))
    if count > LABELS_AT_MOST:
        return f"there are over {LABELS_AT_MOST} different values"
    used = (first != 0) | (second != 0)
    differ = float(np.mean(first[used] != second[used])) if used.any() else 0.0
    return (
        f"{differ:.0%} of neighbouring voxels differ"
        if differ > LABEL_EDGE_SHARE and count > 16
        else ""
    )
