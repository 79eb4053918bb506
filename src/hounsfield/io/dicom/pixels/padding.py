"""Which stored values stand for 'nothing was measured here', per frame (PS3.3 C.7.5.1.1.2), and what is not said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.spec import AIR_HU
from hounsfield.io.dicom.header.frame import Frame, PixelFormat, diagnose

Array = NDArray[Any]
Range = tuple[int, int]

TISSUE_HU = (-900.0, 10_000.0)
"""A declared padding value between these is one that tissue, bone or metal has (0 HU is water): it is believed only
where it fills the corners of the slice and lies nowhere within it, or water would become air; a range that reaches in
among them never is, since it holds tissue as well."""

SAMPLES = 3
"""Slices that are looked at for padding that is not declared: the first, the middle, the last."""


@dataclass(frozen=True, slots=True)
class Padding:
    """Raw words that are padding, for each frame, and the one stored value that all of them become (None: as they are).

    One common value is needed where files differ, or where a word lies outside the bits that are the value's.
    """

    ranges: tuple[tuple[Range, ...], ...]
    common: int | None
    stored: Range | None
    diagnostics: tuple[Diagnostic, ...] = ()


NOTHING = Padding((), None, None)


def find_padding(frames: Sequence[Frame], dtype: np.dtype[Any]) -> Padding:
    """The padding of a series whose volume has stored values of `dtype`; decodes up to SAMPLES slices."""
    from hounsfield.io.dicom.pixels.decode import decoded

    chosen = sorted({0, len(frames) // 2, len(frames) - 1})[:SAMPLES]
    seen = {n: decoded(frames[n]) for n in chosen}
    corners = {n: corner_constant(values) for n, values in seen.items()}
    declared = [declared_range(frame) for frame in frames]
    filled = {n: _fills_corners(seen[n], declared[n]) for n in chosen}
    shown = {declared[n] for n in chosen if filled[n]} - {
        declared[n] for n in chosen if not filled[n]
    }
    shown -= {
        span
        for n, span in enumerate(declared)
        if span in shown
        and span is not None
        and _is_tissue(frames[n], span)
        and (span[0] != span[1] or (n in seen and _lies_within(seen[n], span[0])))
    }
    doubted = [
        n
        for n, span in enumerate(declared)
        if span is not None and span not in shown and _is_tissue(frames[n], span)
    ]
    kept = [None if n in set(doubted) else span for n, span in enumerate(declared)]
    ranges: list[tuple[Range, ...]] = [() if span is None else (span,) for span in kept]
    diagnostics = []
    if doubted:
        diagnostics.append(
            diagnose(
                "PADDING",
                "warning",
                "the declared padding value is one that tissue has; it is kept",
                frames=[frames[n] for n in doubted],
            )
        )
    constant = _undeclared(frames, corners, ranges)
    if constant is not None:
        diagnostics.append(
            diagnose(
                "PADDING",
                "repair",
                "one undeclared value below air fills the corners of the slices; it becomes air",
                frames=[frames[n] for n in chosen],
                value=float(constant),
            )
        )
        ranges = [
            _with(spans, constant, frame) for spans, frame in zip(ranges, frames, strict=True)
        ]
    return _settled(frames, ranges, dtype, tuple(diagnostics))


def declared_range(frame: Frame) -> Range | None:
    """The raw words that the header declares to be padding, lowest and highest, signed as the pixels are."""
    form = frame.pixels
    if frame.padding is None or form is None:
        return None
    low = _as_word(frame.padding, form)
    high = low if frame.padding_limit is None else _as_word(frame.padding_limit, form)
    return (min(low, high), max(low, high))


def corner_constant(values: Array) -> int | None:
    """The value that all four corners of a slice (rows, columns) have, if it is also its lowest; else None."""
    corners = {int(values[row, column]) for row in (0, -1) for column in (0, -1)}
    value = corners.pop()
    return (
        value if not corners and value == int(values.min()) and value < int(values.max()) else None
    )


def _as_word(word: int, form: PixelFormat) -> int:
    word &= (1 << form.allocated) - 1
    return word - (1 << form.allocated) if form.signed and word >> (form.allocated - 1) else word


def _hu(frame: Frame, stored: float) -> float:
    return stored * (frame.slope or 1.0) + (frame.intercept or 0.0)


def _is_tissue(frame: Frame, span: Range) -> bool:
    """Whether declared words are stored values as tissue has them; words beyond the stored bits are none."""
    form = frame.pixels
    assert form is not None
    low, high = sorted((_hu(frame, span[0]), _hu(frame, span[1])))
    return high > TISSUE_HU[0] and low < TISSUE_HU[1] and _in_bits(form, span)


def _fills_corners(values: Array, span: Range | None) -> bool:
    corners = [int(values[row, column]) for row in (0, -1) for column in (0, -1)]
    return span is not None and all(span[0] <= value <= span[1] for value in corners)


def _lies_within(values: Array, word: int) -> bool:
    """Whether a slice (rows, columns) has `word` where no path of it leads to the border."""
    from scipy.ndimage import label

    parts = np.asarray(label(values == word)[0])
    border = np.concatenate([parts[0], parts[-1], parts[:, 0], parts[:, -1]])
    return bool(set(np.unique(parts).tolist()) - set(border.tolist()) - {0})


def _undeclared(
    frames: Sequence[Frame], corners: dict[int, int | None], ranges: Sequence[tuple[Range, ...]]
) -> int | None:
    """A corner value below air that is not declared, the same in each of the slices looked at that have one."""
    found_values = set()
    for n, value in corners.items():
        if (
            value is None
            or _hu(frames[n], value) >= AIR_HU
            or any(low <= value <= high for low, high in ranges[n])
        ):
            continue
        found_values.add(value)
    return found_values.pop() if len(found_values) == 1 else None


def _with(spans: tuple[Range, ...], value: int, frame: Frame) -> tuple[Range, ...]:
    """The ranges and `value`; as one range where all lie below air, since nothing that was measured lies between."""
    if any(_hu(frame, word) >= AIR_HU for span in spans for word in span):
        return (*spans, (value, value))
    words = [value, *(word for span in spans for word in span)]
    return ((min(words), max(words)),)


def _settled(
    frames: Sequence[Frame],
    ranges: Sequence[tuple[Range, ...]],
    dtype: np.dtype[Any],
    diagnostics: tuple[Diagnostic, ...],
) -> Padding:
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
    common = int(np.iinfo(dtype).min if dtype.kind == "i" else np.iinfo(dtype).max)
    return Padding(tuple(ranges), common, (common, common), diagnostics)


def _fits(frame: Frame, span: Range, dtype: np.dtype[Any]) -> bool:
    """Whether the declared words are stored values as they are: of the same dtype, within the bits that are kept."""
    form = frame.pixels
    if form is None or form.dtype != dtype or frame.lut is not None:
        return False
    return _in_bits(form, span) and form.high_bit == form.stored - 1


def _in_bits(form: PixelFormat, span: Range) -> bool:
    low = -(1 << form.stored - 1) if form.signed else 0
    return low <= span[0] and span[1] < low + (1 << form.stored)
