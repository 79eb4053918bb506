"""Convert a parsed header to a Frame."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from hounsfield.io.dicom import tags
from hounsfield.io.dicom.files.source import Source
from hounsfield.io.dicom.header.attributes import code_strings, number, numbers, short, text
from hounsfield.io.dicom.header.fast_header import UNDEFINED, ParsedHeader
from hounsfield.io.dicom.header.frame import ENCAPSULATED, UNCOMPRESSED, Frame, PixelFormat, Vector

_KERNEL = re.compile(r"[A-Za-z0-9+_.\-/ ]{1,16}")
"""A kernel name (SH, at most 16 characters); anything else is not shown."""

PIXEL_MM = (1e-5, 1e2)
"""Valid pixel spacing: 10 nm (finer than any X-ray optics) to 100 mm."""

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
"""Attributes that distinguish phases, most reliable first."""


def frame_of(parsed: ParsedHeader, source: Source) -> Frame:
    """The Frame of a single-frame header."""
    values, little = parsed.values, parsed.little
    get = values.get
    offset = parsed.pixel_offset if parsed.pixel_tag == tags.PIXEL_DATA else None
    rescale, bad = _rescale(values)
    assumed = list(parsed.assumed)
    sop_class = text(get(tags.SOP_CLASS, b""))
    if not sop_class:
        sop_class = text(get(tags.META_SOP_CLASS, b""))
        assumed.append("SOP class")
    series = text(get(tags.SERIES, b""))
    if not series:
        assumed.append("one series for files without a series UID")
    spacing = numbers(get(tags.PIXEL_SPACING, b""))
    return Frame(
        source=source,
        sop_class=sop_class,
        sop_instance=_first(values, tags.SOP_INSTANCE, tags.META_SOP_INSTANCE),
        study=text(get(tags.STUDY, b"")),
        series=series,
        reference=text(get(tags.FRAME_OF_REFERENCE, b"")),
        modality=text(get(tags.MODALITY, b"")).upper(),
        image_type=code_strings(get(tags.IMAGE_TYPE, b"")),
        pixels=pixel_format(values, _pixel_syntax(parsed, source), little=little),
        offset=offset,
        length=parsed.pixel_length,
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
        lossy=text(get(tags.LOSSY, b"")) == "01",
        kernel=kernel(get(tags.KERNEL, b"")),
        manufacturer=text(get(tags.MANUFACTURER, b"")).lower(),
        patient=_patient(values),
        contrast=bool(text(get(tags.CONTRAST_AGENT, b""))),
        order=_order(values, little=little),
        assumed=tuple(assumed),
    )


def _pixel_syntax(parsed: ParsedHeader, source: Source) -> str:
    """The transfer syntax of the pixels; ENCAPSULATED or UNCOMPRESSED if they contradict it."""
    syntax, start = parsed.syntax, parsed.pixel_offset
    if parsed.pixel_tag != tags.PIXEL_DATA or start is None or syntax not in tags.CODECS:
        return syntax
    if syntax == tags.DEFLATED or (syntax in tags.NATIVE and parsed.pixel_length != UNDEFINED):
        return syntax
    item = b"\xfe\xff\x00\xe0" if parsed.little else b"\xff\xfe\xe0\x00"
    is_item = source.read(start, 4) == item
    if syntax in tags.NATIVE:
        return ENCAPSULATED if is_item else syntax
    return syntax if is_item or parsed.pixel_length == UNDEFINED else UNCOMPRESSED


def _first(values: Mapping[int, bytes], *candidates: int) -> str:
    return next(filter(None, (text(values.get(tag, b"")) for tag in candidates)), "")


def pixel_format(values: Mapping[int, bytes], syntax: str, *, little: bool) -> PixelFormat | None:
    """The pixel format, or None if the header lacks it or it is invalid."""
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
        rows=rows,
        columns=columns,
        allocated=allocated,
        stored=stored,
        high_bit=high,
        signed=bool(signed),
        samples=samples or 1,
        photometric=text(photometric).upper(),
        syntax=syntax,
        little=little and syntax != tags.GE_BIG_PIXELS,
    )


def kernel(raw: bytes) -> str:
    """The kernel name; 'other' if it is free text, '' if it is missing."""
    name = text(raw).split("\\")[0].strip()
    return name if not name or _KERNEL.fullmatch(name) else "other"


def _patient(values: Mapping[int, bytes]) -> str:
    """The patient ID, else the name with the birth date; '' if neither is given.

    The issuer of the ID is left out: where some objects lack it, one patient would become two.
    """
    own, name, birth = (
        values.get(tag, b"").decode("latin-1").strip(" \0")
        for tag in (tags.PATIENT_ID, tags.PATIENT_NAME, tags.BIRTH_DATE)
    )
    return own or (f"{name}\0{birth}" if name and birth else "")


def frame_count(values: Mapping[int, bytes]) -> int:
    """The declared number of frames; 1 if missing."""
    return int(number(values.get(tags.FRAMES, b"")) or 1)


def _rescale(values: Mapping[int, bytes]) -> tuple[tuple[float | None, float | None], bool]:
    """Slope and intercept, and whether one of them is present but invalid."""
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
    """The first two values if they are valid pixel spacings; some writers append a third."""
    low, high = PIXEL_MM
    valid = len(values) in (2, 3) and low <= min(values[:2]) and max(values[:2]) <= high
    return values[:2] if valid else ()


def _positive(value: float | None) -> float | None:
    return value if value is not None and value > 0 else None


def _order(values: Mapping[int, bytes], *, little: bool) -> tuple[tuple[str, float], ...]:
    order: dict[str, float] = {}
    for name, tag in _ORDERS:
        raw = values.get(tag)
        if not raw or name in order:
            continue
        if tag == tags.TEMPORAL_INDEX:
            value: float | None = float(int.from_bytes(raw[:4], "little" if little else "big"))
        elif tag in (tags.ACQUISITION_TIME, tags.CONTENT_TIME):
            value = _clock(raw, values)
        else:
            value = number(raw)
        if value is not None:
            order[name] = value
    return tuple(order.items())


def _clock(raw: bytes, values: Mapping[int, bytes]) -> float | None:
    """A time (TM, also with colons) as an ascending number, preceded by the date."""
    date = number(values.get(tags.ACQUISITION_DATE) or values.get(tags.CONTENT_DATE) or b"0") or 0.0
    clock = number(raw.replace(b":", b""))
    return None if clock is None else date * 1e6 + clock
