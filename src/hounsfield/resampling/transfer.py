"""Clamped linear maps of values, which can be composed and run inside a sampling."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Transfer:
    """The map y = min(max(x * slope + intercept, low), high), closed under composition.

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
        """This map followed by `after`."""
        limits = (self.low, self.high) if after.slope else (0.0, 0.0)
        low, high = sorted(after(limit) for limit in limits)
        return Transfer(
            self.slope * after.slope, self.intercept * after.slope + after.intercept, low, high
        )

    @property
    def is_identity(self) -> bool:
        """Whether it is the identity."""
        return self == Transfer()


IDENTITY = Transfer()
"""The identity map."""
