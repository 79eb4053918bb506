"""How fast a run goes: cases per second, time left, failures and memory."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any

from hounsfield.dataset.case import CaseResult

RECENT = 50
"""Cases that the rate is taken over: few enough to follow a change, enough to even out sizes."""


class Pace:
    """The pace of a run of `total` cases.

    The rate is that of the last cases that were run; cases that were up to date take no time, and
    would make the time left too short.
    """

    def __init__(self, total: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.total, self.done, self.failed, self.memory_bytes = total, 0, 0, 0
        self._clock = clock
        self._ends = deque([clock()], maxlen=RECENT + 1)

    def add(self, result: CaseResult) -> None:
        """Count a result; stale cases are of earlier runs and do not count."""
        if result.status == "stale":
            return
        self.done += 1
        self.failed += result.status == "failed"
        self.memory_bytes = max(self.memory_bytes, result.memory_bytes)
        if result.status == "skipped" and len(self._ends) == 1:
            self._ends[0] = self._clock()
        elif result.status != "skipped":
            self._ends.append(self._clock())

    @property
    def rate(self) -> float | None:
        """Cases per second; None before the first case was run."""
        seconds = self._clock() - self._ends[0]
        return (len(self._ends) - 1) / seconds if len(self._ends) > 1 and seconds > 0 else None

    @property
    def seconds_left(self) -> float | None:
        """The time left at the rate; None before the first case was run."""
        rate = self.rate
        return (self.total - self.done) / rate if rate else None

    def to_json(self) -> dict[str, Any]:
        """Return the pace as plain data."""
        return {
            "done": self.done,
            "total": self.total,
            "failed": self.failed,
            "cases_per_second": self.rate,
            "seconds_left": self.seconds_left,
            "memory_bytes": self.memory_bytes,
        }

    @property
    def details(self) -> str:
        """Failures, rate, time left and memory on one line, as far as they are known."""
        parts = [f"{self.failed} failed"] if self.failed else []
        rate, left = self.rate, self.seconds_left
        if rate is not None and left is not None:
            parts += [_rate_text(rate), f"{_duration(left)} left"]
        parts += [f"{self.memory_bytes / 1e6:.0f} MB"] if self.memory_bytes else []
        return ", ".join(parts)

    def __str__(self) -> str:
        details = f", {self.details}" if self.details else ""
        return f"{self.done} of {self.total} cases{details}"


def _rate_text(per_second: float) -> str:
    if per_second >= 1:
        return f"{per_second:.3g} cases/s"
    return f"{1 / per_second:.3g} s/case"


def _duration(seconds: float) -> str:
    """Return a duration in its largest units.

    >>> _duration(42), _duration(500), _duration(7 * 3600 + 1500), _duration(300_000)
    ('42 s', '8 min', '7 h 25 min', '3 d 11 h')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = int(seconds // 60)
    if minutes < 100:
        return f"{minutes} min"
    hours = minutes // 60
    return f"{hours} h {minutes % 60} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"
