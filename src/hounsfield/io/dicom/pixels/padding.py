"""Find the stored values that are padding, declared (PS3.3 C.7.5.1.1.2) or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.spec import AIR_HU
from hounsfield.io.dicom.header.frame import Frame, PixelFormat, diagnose
from hounsfield.io.dicom.pixels.lossy_padding import LossyPadding, scattered_padding

Array = NDArray[Any]
Range = tuple[int, int]

TISSUE_HU = (-900.0, 10_000.0)
"""HU of tissue, bone and metal. A declared padding value in this interval could be tissue (0 HU is
water), so it is used only if it fills the corners of the slice and does not occur inside it; a
declared range that overlaps the interval is never used."""

SAMPLES = 3
"""Slices that are searched for undeclared padding: the first, the middle and the last."""


@dataclass(frozen=True, slots=True)
class Padding:
    """Raw padding values of each frame, and the stored value that replaces them (None: unchanged).

    A common value is needed if frames differ, or if a padding value uses bits beyond BitsStored.
    """

    ranges: tuple[tuple[Range, ...], ...]
    common: int | None
    stored: Range | None
    diagnostics: tuple[Diagnostic, ...] = ()
    edges: tuple[int | None, ...] = ()
    """The highest raw value of the blurred edge of each frame's padding (lossy compression)."""


NO_PADDING = Padding((), None, None)


def find_padding(frames: Sequence[Frame], dtype: np.dtype[Any]) -> Padding:
    """The padding of a series with stored values of `dtype`; decodes up to SAMPLES slices."""
    from hounsfield.io.dicom.pixels.decode import decoded

    sampled = sorted({0, len(frames) // 2, len(frames) - 1})[:SAMPLES]
    samples = {n: decoded(frames[n]) for n in sampled}
    declared = [declared_range(frame) for frame in frames]
    ignored = _tissue_padding(frames, declared, samples)
    ranges: list[tuple[Range, ...]] = [
        () if span is None or n in ignored else (span,) for n, span in enumerate(declared)
    ]
    diagnostics: list[Diagnostic] = []
    if ignored:
        diagnostics.append(
            diagnose(
                "PADDING",
                "warning",
                "declared padding value is a valid tissue value; its voxels are kept",
                frames=[frames[n] for n in ignored],
            )
        )
    corners = {n: corner_constant(values) for n, values in samples.items()}
    constant = _undeclared(frames, corners, ranges)
    if constant is not None:
        diagnostics.append(
            diagnose(
                "PADDING",
                "repair",
                "undeclared padding value below air fills the slice corners; replaced by air",
                frames=[frames[n] for n in sampled],
                value=float(constant),
            )
        )
        ranges = [
            _merged(spans, constant, frame) for spans, frame in zip(ranges, frames, strict=True)
        ]
    high = _high_corners(frames, samples, ranges)
    if high:
        diagnostics.append(diagnose("PADDING", "warning", _HIGH, frames=high))
    lossy, found = scattered_padding(frames, ranges, samples)
    diagnostics += found
    if any(lossy):
        return _grown(frames, ranges, lossy, dtype, tuple(diagnostics))
    return _resolved(frames, ranges, dtype, tuple(diagnostics))


_HIGH = (
    "slice corners have one value above 10,000 HU that is not declared as padding; its voxels are "
    "kept; declare it in PixelPaddingValue to have it replaced"
)


def _high_corners(
    frames: Sequence[Frame], samples: Mapping[int, Array], ranges: Sequence[tuple[Range, ...]]
) -> list[Frame]:
    """The sampled frames whose corners have one undeclared value above any measured one."""
    found = []
    for n, values in samples.items():
        value = int(values[0, 0])
        is_one = _fills_corners(values, (value, value)) and _hu(frames[n], value) > TISSUE_HU[1]
        if is_one and not any(low <= value <= high for low, high in ranges[n]):
            found.append(frames[n])
    return found


def _grown(
    frames: Sequence[Frame],
    ranges: Sequence[tuple[Range, ...]],
    lossy: Sequence[LossyPadding | None],
    dtype: np.dtype[Any],
    diagnostics: tuple[Diagnostic, ...],
) -> Padding:
    """The padding of a series with lossy frames, with one common value for all of it."""
    spans = tuple(
        (*own, rule.span) if rule else own for own, rule in zip(ranges, lossy, strict=True)
    )
    lowest = {rule.span[0] for rule in lossy if rule}
    common = lowest.pop() if len(lowest) == 1 and all(lossy) else _unused(dtype)
    edges = tuple(rule.edge if rule else None for rule in lossy)
    return Padding(spans, common, (common, common), diagnostics, edges)


def _unused(dtype: np.dtype[Any]) -> int:
    """The stored value that no CT contains: the end of the dtype."""
    return int(np.iinfo(dtype).min if dtype.kind == "i" else np.iinfo(dtype).max)


def _tissue_padding(
    frames: Sequence[Frame], declared: Sequence[Range | None], samples: Mapping[int, Array]
) -> list[int]:
    """Indices of frames whose declared padding may be tissue, so that it is not used."""
    filled = {n: _fills_corners(values, declared[n]) for n, values in samples.items()}
    trusted = {declared[n] for n in samples if filled[n]}
    trusted -= {declared[n] for n in samples if not filled[n]}
    tissue = [
        (n, span)
        for n, span in enumerate(declared)
        if span is not None and _is_tissue(frames[n], span)
    ]
    trusted -= {
        span
        for n, span in tissue
        if span in trusted
        and (span[0] != span[1] or (n in samples and _occurs_inside(samples[n], span[0])))
    }
    return [n for n, span in tissue if span not in trusted]


def declared_range(frame: Frame) -> Range | None:
    """The lowest and highest declared padding value, signed like the pixels; None if missing."""
    form = frame.pixels
    if frame.padding is None or form is None:
        return None
    low = _as_raw_value(frame.padding, form)
    high = low if frame.padding_limit is None else _as_raw_value(frame.padding_limit, form)
    return (min(low, high), max(low, high))


def corner_constant(values: Array) -> int | None:
    """The value of all corners of a slice (rows, columns) if it is the minimum; else None."""
    corners = {int(values[row, column]) for row in (0, -1) for column in (0, -1)}
    value = corners.pop()
    is_padding = not corners and value == int(values.min()) and value < int(values.max())
    return value if is_padding else None


def _as_raw_value(value: int, form: PixelFormat) -> int:
    """A 16-bit attribute value as a raw pixel value, signed like the pixels."""
    value &= (1 << form.allocated) - 1
    return value - (1 << form.allocated) if form.signed and value >> (form.allocated - 1) else value


def _hu(frame: Frame, stored: float) -> float:
    return stored * (frame.slope or 1.0) + (frame.intercept or 0.0)


def _is_tissue(frame: Frame, span: Range) -> bool:
    """Whether a declared range overlaps tissue values; values beyond BitsStored do not."""
    form = frame.pixels
    assert form is not None
    low, high = sorted((_hu(frame, span[0]), _hu(frame, span[1])))
    return high > TISSUE_HU[0] and low < TISSUE_HU[1] and _in_bits(form, span)


def _fills_corners(values: Array, span: Range | None) -> bool:
    corners = [int(values[row, column]) for row in (0, -1) for column in (0, -1)]
    return span is not None and all(span[0] <= value <= span[1] for value in corners)


def _occurs_inside(values: Array, value: int) -> bool:
    """Whether `value` occurs in a slice in a region that is not connected to the border."""
    from scipy.ndimage import label

    parts = np.asarray(label(values == value)[0])
    border = np.concatenate([parts[0], parts[-1], parts[:, 0], parts[:, -1]])
    return bool(set(np.unique(parts).tolist()) - set(border.tolist()) - {0})


def _undeclared(
    frames: Sequence[Frame], corners: dict[int, int | None], ranges: Sequence[tuple[Range, ...]]
) -> int | None:
    """The one undeclared corner value below air in the sampled slices; None if there is none."""
    candidates = {
        value
        for n, value in corners.items()
        if value is not None
        and _hu(frames[n], value) < AIR_HU
        and not any(low <= value <= high for low, high in ranges[n])
    }
    return candidates.pop() if len(candidates) == 1 else None


def _merged(spans: tuple[Range, ...], value: int, frame: Frame) -> tuple[Range, ...]:
    """The ranges with `value`; one range if all are below air, where no measured value occurs."""
    limits = [limit for span in spans for limit in span]
    if any(_hu(frame, limit) >= AIR_HU for limit in limits):
        return (*spans, (value, value))
    values = (value, *limits)
    return ((min(values), max(values)),)


def _resolved(
    frames: Sequence[Frame],
    ranges: Sequence[tuple[Range, ...]],
    dtype: np.dtype[Any],
    diagnostics: tuple[Diagnostic, ...],
) -> Padding:
    """The padding: unchanged if one range is valid for all frames, else one common value."""
    distinct = set(ranges)
    if distinct == {()}:
        return Padding((), None, None, diagnostics)
    spans = next(iter(distinct))
    if (
        len(distinct) == 1
        and len(spans) == 1
        and all(_fits(frame, spans[0], dtype) for frame in frames)
    ):
        return Padding((), None, spans[0], diagnostics)
    common = _unused(dtype)
    return Padding(tuple(ranges), common, (common, common), diagnostics)


def _fits(frame: Frame, span: Range, dtype: np.dtype[Any]) -> bool:
    """Whether a raw range applies to stored values unchanged: same dtype, within BitsStored."""
    form = frame.pixels
    if form is None or form.dtype != dtype or frame.lut is not None:
        return False
    return _in_bits(form, span) and form.high_bit == form.stored - 1


def _in_bits(form: PixelFormat, span: Range) -> bool:
    low = -(1 << form.stored - 1) if form.signed else 0
    return low <= span[0] and span[1] < low + (1 << form.stored)
