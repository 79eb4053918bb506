"""Headers into Frames: by the walker where the header is plain, by pydicom where it is not."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from hounsfield.io.dicom import tags
from hounsfield.io.dicom.files.source import Source
from hounsfield.io.dicom.header.attributes import number, numbers, short, text, words
from hounsfield.io.dicom.header.fast_header import UNDEFINED, Walked
from hounsfield.io.dicom.header.frame import Frame, PixelFormat, Vector

_KERNEL = re.compile(r"[A-Za-z0-9+_.\-/ ]{1,16}")
"""A kernel is a short technical name (SH, at most 16 characters); anything else is not repeated."""

PIXEL_MM = (1e-5, 1e2)
"""Pixels are larger than 10 nanometres, finer than any X-ray optics, and smaller than a decimetre; else the number is
broken."""

_PIXEL_TAGS = (
    tags.ROWS,
    tags.COLUMNS,
    tags.BITS_ALLOCATED,
    tags.BITS_STORED,
    tags.HIGH_BIT,
    tags.SIGNED,
    tags.SAMPLES,
)
_ORDERS = (
    ("temporal position", tags.TEMPORAL_POSITION),
    ("temporal position", tags.TEMPORAL_INDEX),
    ("cardiac phase", tags.CARDIAC_PHASE),
    ("trigger time", tags.TRIGGER_TIME),
    ("acquisition", tags.ACQUISITION_NUMBER),
    ("tube voltage", tags.KVP),
    ("acquisition time", tags.ACQUISITION_DATETIME),
    ("acquisition time", tags.ACQUISITION_TIME),
    ("content time", tags.CONTENT_TIME),
    ("instance number", tags.INSTANCE_NUMBER),
)
"""What may tell phases unshared, the surest first."""


def frame_of(walked: Walked, source: Source) -> Frame:
    """The Frame of a header that holds one frame."""
    values, little = walked.values, walked.little
    get = values.get
    offset = walked.pixel_offset if walked.pixel_tag == tags.PIXEL_DATA else None
    rescale, bad = _rescale(values)
    assumed = list(walked.assumed)
    sop_class = text(get(tags.SOP_CLASS, b""))
    if not sop_class:
        sop_class = text(get(tags.META_SOP_CLASS, b""))
        assumed.append("SOP class")
    series = text(get(tags.SERIES, b""))
    if not series:
        assumed.append("that files without a series UID are one series")
    spacing = numbers(get(tags.PIXEL_SPACING, b""))
    return Frame(
        source=source,
        sop_class=sop_class,
        sop_instance=_first(values, tags.SOP_INSTANCE, tags.META_SOP_INSTANCE),
        study=text(get(tags.STUDY, b"")),
        series=series,
        reference=text(get(tags.FRAME_OF_REFERENCE, b"")),
        modality=text(get(tags.MODALITY, b"")).upper(),
        image_type=words(get(tags.IMAGE_TYPE, b"")),
        pixels=pixel_format(values, _pixel_syntax(walked, source), little=little),
        offset=offset,
        length=walked.pixel_length,
        position_mm=_vector(get(tags.POSITION, b""), 3),
        orientation=_vector(get(tags.ORIENTATION, b""), 6),
        spacing_mm=spacing_of(spacing),
        thickness_mm=_positive(number(get(tags.SLICE_THICKNESS, b""))),
        slope=rescale[0],
        intercept=rescale[1],
        bad_rescale=bad,
        rescale_type=text(get(tags.RESCALE_TYPE, b"")).upper(),
        padding=short(get(tags.PADDING, b""), little=little),
        padding_limit=short(get(tags.PADDING_LIMIT, b""), little=little),
        kernel=kernel(get(tags.KERNEL, b"")),
        contrast=bool(text(get(tags.CONTRAST_AGENT, b""))),
        order=_order(values, little=little),
        assumed=tuple(assumed),
    )


def _pixel_syntax(walked: Walked, source: Source) -> str:
    """The syntax of the pixels; none where they are wrapped in items although the header calls them uncompressed."""
    native = (
        walked.syntax in tags.NATIVE
        and walked.pixel_tag == tags.PIXEL_DATA
        and walked.pixel_offset is not None
    )
    if not native or walked.pixel_length != UNDEFINED:
        return walked.syntax
    item = b"\xfe\xff\x00\xe0" if walked.little else b"\xff\xfe\xe0\x00"
    return "" if source.read(walked.pixel_offset or 0, 4) == item else walked.syntax


def _first(values: Mapping[int, bytes], *places: int) -> str:
    return next((found for found in (text(values.get(tag, b"")) for tag in places) if found), "")


def pixel_format(values: Mapping[int, bytes], syntax: str, *, little: bool) -> PixelFormat | None:
    """How the pixels are stored, or None where the header does not say, or says what cannot be."""
    get = values.get
    return _pixel_format(
        tuple(get(tag, b"") for tag in _PIXEL_TAGS), get(tags.PHOTOMETRIC, b""), syntax, little
    )


@lru_cache(maxsize=256)
def _pixel_format(
    raw: tuple[bytes, ...], photometric: bytes, syntax: str, little: bool
) -> PixelFormat | None:
    rows, columns, allocated, stored, high, signed, samples = (
        short(value, little=little) for value in raw
    )
    if not rows or not columns or allocated not in (8, 16, 32):
        return None
    stored = stored or allocated
    high = stored - 1 if high is None else high
    if not stored <= high + 1 <= allocated or samples not in (None, 1, 3):
        return None
    return PixelFormat(
        rows,
        columns,
        allocated,
        stored,
        high,
        bool(signed),
        samples or 1,
        text(photometric).upper(),
        syntax,
        little,
    )


def kernel(raw: bytes) -> str:
    """The kernel's name where it is one, 'other' where it is free text, '' where there is none."""
    name = text(raw).split("\\")[0].strip()
    return name if not name or _KERNEL.fullmatch(name) else "other"


def frame_count(values: Mapping[int, bytes]) -> int:
    """The number of frames that a header declares, 1 where it does not say."""
    return int(number(values.get(tags.FRAMES, b"")) or 1)


def _rescale(values: Mapping[int, bytes]) -> tuple[tuple[float | None, float | None], bool]:
    """Slope and intercept, and whether one of them is there but is not one number that can be used."""
    raw = [values.get(tag, b"").strip(b" \0") for tag in (tags.SLOPE, tags.INTERCEPT)]
    slope, intercept = (number(value) for value in raw)
    bad = (
        (bool(raw[0]) and not slope)
        or (bool(raw[1]) and intercept is None)
        or any(b"\\" in value for value in raw)
    )
    return (slope, intercept), bad


def _vector(raw: bytes, size: int) -> Vector:
    values = numbers(raw)
    return values if len(values) == size else ()


def spacing_of(values: Vector) -> Vector:
    """The first two values, where they can be pixels: some writers add the slice distance as a third."""
    low, high = PIXEL_MM
    return (
        values[:2]
        if len(values) in (2, 3) and low <= min(values[:2]) and max(values[:2]) <= high
        else ()
    )


def _positive(value: float | None) -> float | None:
    return value if value is not None and value > 0 else None


def _order(values: Mapping[int, bytes], *, little: bool) -> tuple[tuple[str, float], ...]:
    found: dict[str, float] = {}
    for name, tag in _ORDERS:
        raw = values.get(tag)
        if not raw or name in found:
            continue
        if tag == tags.TEMPORAL_INDEX:
            value: float | None = float(int.from_bytes(raw[:4], "little" if little else "big"))
        else:
            value = (
                _clock(raw, values)
                if tag in (tags.ACQUISITION_TIME, tags.CONTENT_TIME)
                else number(raw)
            )
        if value is not None:
            found[name] = value
    return tuple(found.items())


def _clock(raw: bytes, values: Mapping[int, bytes]) -> float | None:
    """A time of day (TM, with colons too) as a number that ascends; across midnight the date goes before it."""
    date = number(values.get(tags.ACQUISITION_DATE) or values.get(tags.CONTENT_DATE) or b"0") or 0.0
    clock = number(raw.replace(b":", b""))
    return None if clock is None else date * 1e6 + clock
