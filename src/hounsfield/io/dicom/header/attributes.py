"""Convert raw attribute bytes to text and numbers without raising on invalid values."""

from __future__ import annotations

import math
from functools import lru_cache

_CACHE = 4096


@lru_cache(maxsize=_CACHE)
def text(raw: bytes) -> str:
    """Text without padding; non-ASCII characters become '?'."""
    return raw.decode("ascii", "replace").replace("\ufffd", "?").strip(" \0\t\r\n")


@lru_cache(maxsize=_CACHE)
def code_strings(raw: bytes) -> tuple[str, ...]:
    """The values of a multi-valued text attribute, in upper case."""
    return tuple(word.strip().upper() for word in text(raw).split("\\")) if raw else ()


@lru_cache(maxsize=_CACHE)
def numbers(raw: bytes) -> tuple[float, ...]:
    """The decimal strings (DS, IS) of an attribute; () if one of them is not a finite number.

    >>> numbers(b"001.000000E+00\\\\-0.5 "), numbers(b"1_0"), numbers(b"nan")
    ((1.0, -0.5), (), ())
    """
    try:
        values = tuple(float(part) for part in raw.strip(b" \0").split(b"\\"))
    except ValueError:
        return ()
    return values if b"_" not in raw and all(math.isfinite(value) for value in values) else ()


def number(raw: bytes) -> float | None:
    """The first decimal string of an attribute, or None."""
    values = numbers(raw)
    return values[0] if values else None


def short(raw: bytes, *, little: bool) -> int | None:
    """An unsigned 16-bit value (US, or SS read as unsigned)."""
    return int.from_bytes(raw[:2], "little" if little else "big") if len(raw) >= 2 else None
