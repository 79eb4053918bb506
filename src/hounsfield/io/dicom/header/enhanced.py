"""Frames of enhanced and legacy converted CT, from functional groups (PS3.3 C.7.6.16)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from hounsfield.core.errors import ReadError
from hounsfield.io.dicom import tags
from hounsfield.io.dicom.header.attributes import code_strings, text
from hounsfield.io.dicom.header.fast_header import HeaderError
from hounsfield.io.dicom.header.fragments import fragments_by_frame
from hounsfield.io.dicom.header.frame import Frame
from hounsfield.io.dicom.header.to_frame import spacing_of

_MACROS = {
    "position": (0x00209113, tags.POSITION),
    "orientation": (0x00209116, tags.ORIENTATION),
    "spacing": (0x00289110, tags.PIXEL_SPACING),
    "thickness": (0x00289110, tags.SLICE_THICKNESS),
    "slope": (0x00289145, tags.SLOPE),
    "intercept": (0x00289145, tags.INTERCEPT),
    "rescale type": (0x00289145, tags.RESCALE_TYPE),
    "frame type": (0x00189329, 0x00089007),
    "kernel": (0x00189314, tags.KERNEL),
    "acquisition": (0x00209111, 0x00209156),
    "temporal position": (0x00209111, tags.TEMPORAL_INDEX),
    "stack": (0x00209111, 0x00209056),
    "acquisition time": (0x00209111, 0x00189074),
    "cardiac phase": (0x00189118, tags.CARDIAC_PHASE),
}
"""(Functional group sequence, attribute) of each value (PS3.3 C.7.6.16.2 and C.8.15.3)."""

_UNASSIGNED = (0x0020930A, 0x0020930B)
"""Sequences of unassigned converted attributes in legacy objects (PS3.3 C.7.6.16.2.25 to 27)."""

_ORDERS = ("temporal position", "cardiac phase", "acquisition", "acquisition time", "stack")


def frames_of(base: Frame, data: Any, count: int) -> Iterator[Frame]:
    """The frames of a multi-frame object; raises HeaderError, ReadError for invalid groups."""
    common = _group(data, tags.SHARED_GROUPS, 0)
    own = _items(data, tags.FRAME_GROUPS)
    if not own and count > 1:
        yield replace(base, count=count, position_mm=())
        return
    if own and len(own) != count:
        raise HeaderError("number of functional groups is not the number of frames")
    form = base.pixels
    parts = (
        ()
        if form is None or form.is_native or base.offset is None
        else fragments_by_frame(replace(base, count=count))
    )
    for index in range(count):
        values = {**_values(common), **(_values(own[index]) if own else {})}
        frame = _with_groups(base, values)
        yield replace(frame, index=index, count=count, parts=parts[index] if parts else ())


def _with_groups(base: Frame, values: Mapping[str, Any]) -> Frame:
    """`base` with the values of its functional groups."""
    slope, intercept = _float(values.get("slope")), _float(values.get("intercept"))
    own_rescale = "slope" in values or "intercept" in values
    spacing = _floats(values.get("spacing"), 2)
    thickness = _float(values.get("thickness"))
    own = {name: number for name in _ORDERS if (number := _ordinal(values.get(name))) is not None}
    return replace(
        base,
        position_mm=_floats(values.get("position"), 3) or base.position_mm,
        orientation=_floats(values.get("orientation"), 6) or base.orientation,
        spacing_mm=spacing_of(spacing) or base.spacing_mm,
        thickness_mm=thickness if thickness and thickness > 0 else base.thickness_mm,
        slope=(slope or None) if own_rescale else base.slope,
        intercept=intercept if own_rescale else base.intercept,
        bad_rescale=base.bad_rescale or (own_rescale and (not slope or intercept is None)),
        rescale_type=str(values.get("rescale type") or base.rescale_type).strip().upper(),
        image_type=_types(values.get("frame type")) or base.image_type,
        kernel=base.kernel or _kernel(values.get("kernel")),
        order=(*own.items(), *(item for item in base.order if item[0] not in own)),
    )


def _values(item: Any) -> dict[str, Any]:
    """The attributes of one item of functional groups, by the names of _MACROS."""
    values: dict[str, Any] = {}
    for name, (group, tag) in _MACROS.items():
        candidates = (_value(_group(item, parent, 0), tag) for parent in (group, *_UNASSIGNED))
        value = next((value for value in candidates if value is not None), None)
        if value is not None:
            values[name] = value
    return values


def _items(data: Any, tag: int) -> list[Any]:
    try:
        return list(data[tag].value) if data is not None and tag in data else []
    except ReadError:
        raise
    except Exception:
        raise HeaderError("functional groups cannot be read") from None


def _group(data: Any, tag: int, index: int) -> Any:
    items = _items(data, tag)
    return items[index] if len(items) > index else None


def _value(item: Any, tag: int) -> Any:
    try:
        return item[tag].value if item is not None and tag in item else None
    except Exception:
        raise HeaderError("value of a functional group cannot be read") from None


def _float(value: Any) -> float | None:
    values = _floats(value, 1)
    return values[0] if values else None


def _floats(value: Any, size: int) -> tuple[float, ...]:
    single = isinstance(value, str) or not hasattr(value, "__iter__")
    try:
        values = tuple(float(part) for part in ((value,) if single else value))
    except (TypeError, ValueError):
        return ()
    return values if len(values) == size and all(math.isfinite(part) for part in values) else ()


def _ordinal(value: Any) -> float | None:
    """A number that orders frames; stack ids and times count if they are numeric."""
    return _float(str(value)) if value is not None else None


def _types(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    if isinstance(value, str):
        return code_strings(value.encode("ascii", "replace"))
    return tuple(str(part).strip().upper() for part in value)


def _kernel(value: Any) -> str:
    from hounsfield.io.dicom.header.to_frame import kernel

    first = value if isinstance(value, str) else next(iter(value), "") if value is not None else ""
    return kernel(text(str(first).encode("ascii", "replace")).encode("ascii"))
