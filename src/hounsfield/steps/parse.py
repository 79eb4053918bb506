"""Friendly parameters (a number or three, a list for a tuple) made into the one type that the steps hold."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, TypeGuard, get_args

import numpy as np

from hounsfield.core.errors import GeometryError, QuantityError

LARGEST_WHOLE = 1 << 53
"""Whole numbers beyond are no longer exact as floats, and some have no float at all."""


def three_lengths(value: float | Sequence[float], *, name: str) -> tuple[float, float, float]:
    """One length for all axes or three, each finite and over 0 mm."""
    given = tuple(value) if isinstance(value, Iterable) else (value,) * 3
    if len(given) != 3 or not all(_is_number(v) and v > 0 for v in given):
        raise GeometryError(f"{name} is one number over 0 mm, or three, not {value!r}")
    return (float(given[0]), float(given[1]), float(given[2]))


def three_points(value: Sequence[float], *, name: str) -> tuple[float, float, float]:
    """Three finite coordinates."""
    given = tuple(value) if isinstance(value, Iterable) else ()
    if len(given) != 3 or not all(_is_number(v) for v in given):
        raise GeometryError(f"{name} is three finite numbers, not {value!r}")
    return (float(given[0]), float(given[1]), float(given[2]))


def three_sizes(
    value: Sequence[int | None], *, name: str, optional: bool = False
) -> tuple[int | None, int | None, int | None]:
    """Three sizes of at least 1; with `optional` some may be None (or 0 in a file, which has no None)."""
    given = tuple(value) if isinstance(value, Iterable) else ()
    values = tuple(None if v is None or (optional and v == 0) else v for v in given)
    if len(values) != 3 or not all(
        optional if v is None else _is_number(v) and v >= 1 and v % 1 == 0 for v in values
    ):
        raise GeometryError(f"{name} is three sizes of at least 1, not {value!r}")
    i, j, k = (None if v is None else int(v) for v in values)
    return (i, j, k)


def one_of(value: str, literal: Any, *, name: str) -> None:
    """Raise unless `value` is one of the words of a Literal type."""
    if value not in get_args(literal):
        raise QuantityError(f"{name} is one of {', '.join(get_args(literal))}, not '{value}'")


def finite(value: float, *, name: str) -> float:
    """A finite number."""
    if not _is_number(value):
        raise QuantityError(f"{name} is a finite number, not {value!r}")
    return float(value)


def whole(value: float, *, name: str) -> int:
    """A whole number."""
    if not _is_number(value) or value % 1:
        raise GeometryError(f"{name} is a whole number, not {value!r}")
    return int(value)


def over_zero(value: float, *, name: str) -> float:
    """A finite number over 0."""
    number = finite(value, name=name)
    if number <= 0:
        raise QuantityError(f"{name} is over 0, not {value!r}")
    return number


def _is_number(value: object) -> TypeGuard[float]:
    """Whether it is a finite real number; True and False are words, not numbers."""
    if isinstance(value, int) and abs(value) > LARGEST_WHOLE:
        return False
    return (
        isinstance(value, int | float | np.number)
        and not isinstance(value, bool)
        and math.isfinite(value)
    )
