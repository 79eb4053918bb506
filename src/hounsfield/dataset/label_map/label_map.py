"""A label map: which regions of label files become which label, and which label wins an overlap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hounsfield.dataset.label_map.patterns import matches


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelRule:
    """A label: its name and the patterns of the regions that it is made of.

    A case without a `required` label is refused.
    """

    name: str
    patterns: tuple[str, ...]
    required: bool = False

    def matches(self, text: str) -> bool:
        """Whether one of the patterns matches the whole name of a region."""
        return any(matches(pattern, text) for pattern in self.patterns)

    def to_data(self) -> dict[str, Any]:
        """Return the rule as plain data."""
        return {"name": self.name, "patterns": list(self.patterns), "required": self.required}


@dataclass(frozen=True, slots=True)
class LabelMap:
    """The labels in order of priority: the first wins an overlap."""

    rules: tuple[LabelRule, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the labels in order of priority."""
        return tuple(rule.name for rule in self.rules)

    def names_of(self, text: str) -> tuple[str, ...]:
        """Return the names of all labels that match the name of a region."""
        return tuple(rule.name for rule in self.rules if rule.matches(text))

    def to_data(self) -> list[dict[str, Any]]:
        """Return the map as plain data."""
        return [rule.to_data() for rule in self.rules]
