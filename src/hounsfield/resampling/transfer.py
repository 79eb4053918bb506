"""Clamped linear maps of values, which compose with each other and run inside a sampling."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Transfer:
    """The clamped line y = min(max(x * slope + intercept, low), high); such lines compose into another one.

    >>> Transfer(low=-100, high=1000).then(Transfer(slope=1 / 1100, intercept=100 / 1100))(3000.0)
    1.0
    """

    slope: float = 1.0
    intercept: float = 0.0
    low: float = float("-inf")
    high: float = float("inf")

    def __call__(self, value: float) -> float:
        return min(max(value * self.slope + self.intercept, self.low), self.high)

    def then(self, after: Transfer) -> Transfer:
        """This line followed by `after`."""
        first, second = (
            sorted((after(self.low), after(self.high))) if after.slope else (after(0.0), after(0.0))
        )
        return Transfer(
            self.slope * after.slope, self.intercept * after.slope + after.intercept, first, second
        )

    @property
    def is_identity(self) -> bool:
        """Whether it changes nothing."""
        return self == Transfer()


IDENTITY = Transfer()
"""The line that changes nothing."""
