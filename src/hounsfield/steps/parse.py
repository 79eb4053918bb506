"""Validate and convert parameters of steps, such as one number or three, or a list for a tuple."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, TypeGuard, get_args

import numpy as np

from hounsfield.core.arguments import short
from hounsfield.core.errors import GeometryError, QuantityError

LARGEST_WHOLE = 1 << 53
"""Largest integer up to which all integers are exact as floats."""


LARGEST_MM = 1000.0
"""Largest radius or distance of a step; no structure in a CT is larger than 1 m."""


def three_lengths(value: float | Sequence[float], *, name: str) -> tuple[float, float, float]:
    """Return three lengths from one or three, each finite and more than 0 mm."""
    given = tuple(value) if isinstance(value, Iterable) else (value,) * 3
    if len(given) != 3 or not all(_is_number(v) and v > 0 for v in given):
        raise GeometryError(f"{name} is {value!r}; expected one or three numbers over 0 mm")
    return (float(given[0]), float(given[1]), float(given[2]))


def three_points(value: Sequence[float], *, name: str) -> tuple[float, float, float]:
    """Return three finite coordinates."""
    given = tuple(value) if isinstance(value, Iterable) else ()
    if len(given) != 3 or not all(_is_number(v) for v in given):
        raise GeometryError(f"{name} is {value!r}; expected three finite numbers")
    return (float(given[0]), float(given[1]), float(given[2]))


def three_sizes(
    value: Sequence[int | None], *, name: str, optional: bool = False
) -> tuple[int | None, int | None, int | None]:
    """Return three sizes of at least 1; with `optional` some may be None (0 in a file)."""
    given = tuple(value) if isinstance(value, Iterable) else ()
    values = tuple(None if v is None or (optional and v == 0) else v for v in given)
    if len(values) != 3 or not all(
        optional if v is None else _is_number(v) and v >= 1 and v % 1 == 0 for v in values
    ):
        raise GeometryError(f"{name} is {value!r}; expected three sizes of at least 1")
    i, j, k = (None if v is None else int(v) for v in values)
    return (i, j, k)


def one_of(value: str, literal: Any, *, name: str) -> None:
    """Raise QuantityError unless `value` is one of the values of a Literal type."""
    if value not in get_args(literal):
        raise QuantityError(f"{name} is {value!r}; expected one of {', '.join(get_args(literal))}")


def finite(value: float, *, name: str) -> float:
    """Return a finite number."""
    if not _is_number(value):
        raise QuantityError(f"{name} is {short(value)}; expected a finite number")
    return float(value)


def whole(value: float, *, name: str) -> int:
    """Return an integer."""
    if not _is_number(value) or value % 1:
        raise GeometryError(f"{name} is {short(value)}; expected an integer")
    return int(value)


def length_mm(value: float, *, name: str) -> float:
    """Return a length in mm, over 0 and at most LARGEST_MM."""
    number = finite(value, name=name)
    if not 0 < number <= LARGEST_MM:
        raise QuantityError(f"{name} is {value!r}; expected over 0 and at most {LARGEST_MM:g} mm")
    return number


def _is_number(value: object) -> TypeGuard[float]:
    """Whether `value` is a finite real number; bools are not numbers here."""
    if isinstance(value, int) and abs(value) > LARGEST_WHOLE:
        return False
    return (
        isinstance(value, int | float | np.number)
        and not isinstance(value, bool)
        and math.isfinite(value)
    )
