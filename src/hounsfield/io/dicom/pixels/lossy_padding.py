"""Find padding that lossy compression moved off its exact value, and grow it to its edge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.spec import AIR_HU
from hounsfield.io.dicom.header.frame import Frame, diagnose

Array = NDArray[Any]
Range = tuple[int, int]

CLEAR_HU = 200.0
"""How far below air (-1024 HU) padding must be to be told from noisy air in a lossy image."""

GROWN_HU = AIR_HU - 76.0
"""Values up to -1100 HU that touch padding are its blurred edge; noise of air hardly reaches it."""

CORNER = 4
"""Rows and columns of the corner blocks in which undeclared padding is looked for."""

LOSSY_SYNTAXES = frozenset(
    f"1.2.840.10008.1.2.4.{number}" for number in (50, 51, 53, 55, 81, 91, 203)
)
"""Transfer syntaxes that are or may be lossy (PS3.5 section 10)."""


@dataclass(frozen=True, slots=True)
class LossyPadding:
    """Raw values that are padding, and the highest raw value of its edge."""

    span: Range
    edge: int


def is_lossy(frame: Frame) -> bool:
    """Whether the pixels were compressed with loss, now or before (PS3.3 C.7.6.1.1.5)."""
    return frame.lossy or (frame.pixels is not None and frame.pixels.syntax in LOSSY_SYNTAXES)


def lossy_padding(frame: Frame, value: int) -> LossyPadding | None:
    """The raw values near the raw padding `value`; None if they cannot be told from air."""
    form, slope, intercept = frame.pixels, frame.slope or 1.0, frame.intercept or 0.0
    padding_hu = value * slope + intercept
    if form is None or slope <= 0 or frame.lut is not None or padding_hu > AIR_HU - CLEAR_HU:
        return None
    limits = np.iinfo(form.dtype)
    middle, edge = (
        int(np.clip(np.floor((hu - intercept) / slope), limits.min, limits.max))
        for hu in ((padding_hu + AIR_HU) / 2, GROWN_HU)
    )
    return LossyPadding((int(limits.min), middle), max(middle, edge))


def scattered_padding(
    frames: Sequence[Frame], ranges: Sequence[tuple[Range, ...]], samples: Mapping[int, Array]
) -> tuple[tuple[LossyPadding | None, ...], tuple[Diagnostic, ...]]:
    """The rule of each frame (None: exact values) if lossy compression scattered the padding.

    `ranges` are the exact raw padding values of each frame, `samples` some decoded frames.
    """
    lossy = [n for n, frame in enumerate(frames) if is_lossy(frame)]
    seen = [n for n in lossy if n in samples]
    corners = [v for n in seen if (v := corner_value(frames[n], samples[n])) is not None]
    usual = (round(float(np.median(corners))),) if corners else ()
    rules: list[LossyPadding | None] = [None] * len(frames)
    for n in lossy:
        values = (*(span[0] for span in ranges[n]), *usual)  # the highest: all below is padding
        rules[n] = lossy_padding(frames[n], max(values)) if values else None
    scattered = [n for n in seen if _is_scattered(samples[n], rules[n], ranges[n])]
    if not scattered:
        return (None,) * len(frames), ()
    moved = [frames[n] for n in scattered]
    if not all(rules[n] for n in scattered):
        return (None,) * len(frames), (diagnose("PADDING", "warning", _KEPT, frames=moved),)
    return tuple(rules), (diagnose("PADDING", "repair", _GROWN, frames=moved),)


_KEPT = (
    "lossy compression moved padding off its value, which is too close to measured values; only "
    "what kept the exact value became air"
)
_GROWN = (
    "lossy compression moved padding off its value; values nearer to it than to air, and their "
    "edge, became air"
)


def _is_scattered(values: Array, rule: LossyPadding | None, exact: Sequence[Range]) -> bool:
    """Whether a slice has values near its padding that are not padding values."""
    near = _corners(values) if rule is None else values[values <= rule.span[1]]
    is_exact = np.zeros(near.shape, dtype=bool)
    for low, high in exact:
        is_exact |= (near >= low) & (near <= high)
    if rule is None:
        return bool(exact) and not is_exact.all()
    return not is_exact.all()


def _corners(values: Array) -> Array:
    """The corner blocks of a slice, flat."""
    ends = (slice(None, CORNER), slice(-CORNER, None))
    return np.concatenate([values[rows, columns].ravel() for rows in ends for columns in ends])


def corner_value(frame: Frame, values: Array) -> int | None:
    """The median of the corners of a slice (rows, columns); None if they differ much."""
    medians = [float(np.median(block)) for block in _corners(values).reshape(4, -1)]
    value = float(np.median(medians))
    slope = abs(frame.slope or 1.0)
    to_air_hu = AIR_HU - (value * slope + (frame.intercept or 0.0))
    is_close = (max(medians) - min(medians)) * slope <= max(0.0, to_air_hu) / 4
    return round(value) if is_close else None


def grown(padded: NDArray[np.bool_], values: Array, edge: int) -> NDArray[np.bool_]:
    """The padding with its edge: pixels up to `edge` that are connected to it."""
    from scipy.ndimage import binary_propagation

    return np.asarray(
        binary_propagation(padded, structure=np.ones((3, 3)), mask=padded | (values <= edge))
    )
