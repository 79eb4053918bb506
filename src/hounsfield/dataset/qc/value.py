"""One quality value with its bounds, status, reason and source, as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Status = Literal["ok", "suspicious", "unknown"]

DIGITS = 6
"""Significant digits of a stored value: a difference in the seventh has no meaning for quality."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityValue:
    """A measured value, and whether it is within `low` and `high` (inclusive; None: no bound).

    `reason` says why it is suspicious or unknown; `source` is that of the bounds.
    """

    name: str
    value: float | None
    unit: str
    low: float | None
    high: float | None
    status: Status
    reason: str
    source: str

    def to_json(self) -> dict[str, Any]:
        """Return the value as plain data, without its name."""
        names = ("value", "unit", "low", "high", "status", "reason", "source")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What is checked: the name and unit of the value, its bounds, their source, and a weight.

    `weight` is what a suspicious value adds to the score of a case; 0 for what is only described.
    """

    name: str
    unit: str
    source: str
    low: float | None = None
    high: float | None = None
    weight: float = 0.0

    def of(self, value: float, reason: str = "", *, is_suspicious: bool = False) -> QualityValue:
        """Return the value with its status; `reason` is kept if it is suspicious."""
        rounded = rounded_to(value)
        is_low = self.low is not None and rounded < self.low
        is_high = self.high is not None and rounded > self.high
        if is_suspicious or is_low or is_high:
            return self._made(rounded, "suspicious", reason)
        return self._made(rounded, "ok", "")

    def missing(self, reason: str) -> QualityValue:
        """Return the suspicious value of what was expected but not found."""
        return self._made(None, "suspicious", reason)

    def unknown(self, reason: str) -> QualityValue:
        """Return the value that could not be measured."""
        return self._made(None, "unknown", reason)

    def _made(self, value: float | None, status: Status, reason: str) -> QualityValue:
        return QualityValue(
            name=self.name,
            value=value,
            unit=self.unit,
            low=self.low,
            high=self.high,
            status=status,
            reason=reason,
            source=self.source,
        )


def rounded_to(value: float) -> float:
    """Return a value with DIGITS significant digits, -0 as 0."""
    return float(f"{value:.{DIGITS}g}") + 0.0
