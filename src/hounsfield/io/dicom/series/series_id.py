"""What identifies a series: its UID and the attributes of its frames, not where it was found."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence

from hounsfield.io.dicom.header.frame import Frame
from hounsfield.io.dicom.series.classify import kind_of

_NAMING_BYTES = 1 << 20
"""Pixel bytes that are hashed to identify a frame without a UID; usually a whole slice."""

_COSINE_DIGITS = 4
"""Decimals of direction cosines: ten times finer than the tolerance that splits series."""

_SPACING_DIGITS = 5
"""Significant digits of pixel spacings: ten times finer than the tolerance that splits series."""


def frame_key(frame: Frame) -> str:
    """Identify a frame by its SOP instance UID, or else by a hash of its pixels."""
    if frame.sop_instance:
        return f"{frame.sop_instance}/{frame.index}"
    return hashlib.sha256(frame.source.read(frame.offset or 0, _NAMING_BYTES)).hexdigest()


def identity(frames: Sequence[Frame], *, phase: str) -> str:
    """Return the text that a case id is made of.

    It has the series UID, what splits a series into parts (kind, orientation, size, spacing,
    kernel, frame of reference), and the attributes that tell phases from each other and are equal
    in all frames. The part or phase has the same text when nothing else of its series is present.
    """
    constant = [[name, value] for name, value in _constants(frames)]
    attribute = phase.rsplit(" ", 3)[0]
    ranked = "" if any(name == attribute for name, _ in constant) else phase
    return json.dumps(
        [
            frames[0].series or min(frame_key(frame) for frame in frames),
            kind_of(frames[0]),
            [
                round(value, _COSINE_DIGITS) + 0.0
                for value in _median(f.orientation for f in frames)
            ],
            frames[0].size,
            [f"{value:.{_SPACING_DIGITS}g}" for value in _median(f.spacing_mm for f in frames)],
            frames[0].kernel,
            _only(frame.reference for frame in frames),
            constant,
            ranked,
        ]
    )


def content_key(frames: Sequence[Frame]) -> str:
    """Return a hash of the keys of all frames, for series that `identity` does not distinguish."""
    text = "\n".join(sorted(frame_key(frame) for frame in frames))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _constants(frames: Sequence[Frame]) -> list[tuple[str, object]]:
    """Return the attributes of phases that are equal in all frames, in order of their names."""
    if len(frames) < 2:  # of one frame all are
        return []
    common = set(frames[0].order).intersection(*(frame.order for frame in frames))
    types = _only("\\".join(frame.image_type) for frame in frames)
    return [*sorted(common), ("image type", types)]


def _median(vectors: Iterable[tuple[float, ...]]) -> tuple[float, ...]:
    """Return the middle one of the vectors that are not empty."""
    known = sorted(vector for vector in vectors if vector)
    return known[len(known) // 2] if known else ()


def _only(values: Iterable[str]) -> str:
    """Return the value if all are equal, else ''."""
    different = set(values)
    return different.pop() if len(different) == 1 else ""
