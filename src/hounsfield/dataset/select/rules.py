"""Rules that a series must match, and preferences among those that do."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Literal

from hounsfield.dataset.select.facts import NUMBERS, Facts

Operator = Literal["=", "!=", "<", "<=", ">", ">=", "in", "~"]

_COMPARE: Mapping[str, Callable[[float, float], bool]] = MappingProxyType(
    {
        "<": lambda one, other: one < other,
        "<=": lambda one, other: one <= other,
        ">": lambda one, other: one > other,
        ">=": lambda one, other: one >= other,
    }
)

BARE = re.compile(r"[A-Za-z0-9_.+*?\-]+")
"""A value that needs no quotes."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A name, an operator, and values: one, or any of several for 'in'.

    >>> str(Rule("kernel", "in", ("soft", "medium")))
    'kernel in soft|medium'
    """

    name: str
    operator: Operator
    values: tuple[str, ...]

    def matches(self, facts: Facts) -> bool:
        """Return whether a series matches; what is unknown matches no rule but 'unknown' itself."""
        if self.name in NUMBERS:
            return self._matches_number(facts.number(self.name))
        word, values = facts.word(self.name), [value.lower() for value in self.values]
        if word in ("", "unknown") and self.operator != "~":
            return self.operator in ("=", "in") and word in values
        if self.operator == "!=":
            return word not in values
        if self.operator == "~":
            return any(fnmatchcase(word, value) for value in values)
        return word in values

    def _matches_number(self, found: float | None) -> bool:
        values = [float(value) for value in self.values]
        if found is None:
            return False
        if self.operator in _COMPARE:
            return _COMPARE[self.operator](found, values[0])
        return (found in values) != (self.operator == "!=")

    def __str__(self) -> str:
        between = f" {self.operator} " if self.operator == "in" else self.operator
        return f"{self.name}{between}{'|'.join(_quoted(value) for value in self.values)}"


def _quoted(value: str) -> str:
    return value if BARE.fullmatch(value) else f'"{value}"'


Key = Callable[[Facts], float]


def _smallest(name: str) -> Key:
    return lambda facts: _or_worst(facts.number(name))


def _largest(name: str) -> Key:
    return lambda facts: _or_worst(_negative(facts.number(name)))


def _negative(value: float | None) -> float | None:
    return None if value is None else -value


def _or_worst(value: float | None) -> float:
    return float("inf") if value is None else value


def _order(name: str, *words: str) -> Key:
    """Rank the words in their order, all others last."""
    return lambda facts: float(
        words.index(facts.word(name)) if facts.word(name) in words else len(words)
    )


PREFERENCES: Mapping[str, tuple[str, Key]] = MappingProxyType(
    {
        "thinnest": ("thickness_mm", _smallest("thickness_mm")),
        "thickest": ("thickness_mm", _largest("thickness_mm")),
        "closest": ("spacing_mm", _smallest("spacing_mm")),
        "most-slices": ("slices", _largest("slices")),
        "largest-extent": ("extent_mm", _largest("extent_mm")),
        "finest": ("pixel_mm", _smallest("pixel_mm")),
        "soft": ("kernel", _order("kernel", "soft", "medium")),
        "sharp": ("kernel", _order("kernel", "sharp", "medium")),
        "no-contrast": ("contrast", _order("contrast", "none")),
        "contrast": ("contrast", _order("contrast", "given")),
        "axial": ("kind", _order("kind", "axial", "enhanced")),
        "sound": ("verdict", _order("verdict", "ok", "repairable", "doubtful")),
    }
)
"""The name that each preference compares, and its key: the smallest is preferred."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of a selection and its preferences, the most important first."""

    rules: tuple[Rule, ...] = ()
    prefer: tuple[str, ...] = ()

    def failed(self, facts: Facts) -> tuple[Rule, ...]:
        """Return the rules that a series does not match."""
        return tuple(rule for rule in self.rules if not rule.matches(facts))

    def rank(self, facts: Facts) -> tuple[float, ...]:
        """Return the keys of the preferences; the smallest rank is preferred."""
        return tuple(PREFERENCES[name][1](facts) for name in self.prefer)

    def __str__(self) -> str:
        prefer = [f"prefer={'|'.join(self.prefer)}"] if self.prefer else []
        return ", ".join([*(str(rule) for rule in self.rules), *prefer])
