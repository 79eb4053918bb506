"""Friendly parameters (a number or three, a list for a tuple) made into the one type that the steps hold."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, get_args

from hounsfield.core.errors import GeometryError, QuantityError


def three_lengths(value: float | Sequence[float], *, name: str) -> tuple[float, float, float]:
    """One length for all axes or three, each finite and over 0 mm."""
    values = tuple(float(v) for v in value) if isinstance(value, Iterable) else (float(value),) * 3
    if len(values) != 3 or not all(math.isfinite(v) and v > 0 for v in values):
        raise GeometryError(f"{name} is one number over 0 mm, or three, not {value}")
    return values


def three_points(value: Sequence[float], *, name: str) -> tuple[float, float, float]:
    """Three finite coordinates."""
    values = tuple(float(v) for v in value)
    if len(values) != 3 or not all(math.isfinite(v) for v in values):
        raise GeometryError(f"{name} is three finite numbers, not {value}")
    return values


def three_sizes(value: Sequence[int | None], *, name: str, optional: bool = False) -> tuple[int | None, int | None, int | None]:
    """Three sizes of at least 1; with `optional` some may be None (or 0 in a file, which has no None)."""
    values = tuple(None if v is None or (optional and v == 0) else int(v) for v in value)
    if len(values) != 3 or any((v is None and not optional) or (v is not None and v < 1) for v in values):
        raise GeometryError(f"{name} is three sizes of at least 1, not {list(value)}")
    return values


def one_of(value: str, literal: Any, *, name: str) -> None:
    """Raise unless `value` is one of the words of a Literal type."""
    if value not in get_args(literal):
        raise QuantityError(f"{name} is one of {', '.join(get_args(literal))}, not '{value}'")


def finite(value: float, *, name: str) -> float:
    """A finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise QuantityError(f"{name} is a finite number, not {value!r}")
    return float(value)


def over_zero(value: float, *, name: str) -> float:
    """A finite number over 0."""
    number = finite(value, name=name)
    if number <= 0:
        raise QuantityError(f"{name} is over 0, not {value!r}")
    return number
