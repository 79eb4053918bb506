"""Choose one series of each study by rules."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from hounsfield.core.display import counted
from hounsfield.dataset.select.facts import Facts
from hounsfield.dataset.select.rules import PREFERENCES, Rules


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A series that can be read: its study, its id, and what rules ask about it.

    `typed` is its path, for the terminal; `refusal` is why reading it would be refused, or "".
    """

    study: str
    id: str
    facts: Facts
    typed: str = ""
    refusal: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Whether a series was chosen, and why not."""

    candidate: Candidate
    is_chosen: bool
    reason: str
    is_tied: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the choice as plain data, without paths."""
        facts = self.candidate.facts
        return {
            "study": self.candidate.study,
            "id": self.candidate.id,
            "chosen": self.is_chosen,
            "reason": self.reason,
            "kernel": facts.word("kernel"),
            "thickness_mm": facts.number("thickness_mm"),
            "slices": int(facts.number("slices") or 0),
            "contrast": facts.word("contrast"),
        }


def choose(candidates: Iterable[Candidate], rules: Rules) -> list[Choice]:
    """Return a choice for each candidate, by study and id: at most one of a study is chosen.

    Of those that match all rules the one with the smallest rank is chosen; if several have it, none
    is. A series that reading would refuse is never chosen.
    """
    studies: dict[str, list[Candidate]] = {}
    for each in candidates:
        studies.setdefault(each.study, []).append(each)
    return [
        choice
        for _, members in sorted(studies.items())
        for choice in _choose_one(sorted(members, key=lambda each: each.id), rules)
    ]


def _choose_one(members: Sequence[Candidate], rules: Rules) -> list[Choice]:
    matching = [each for each in members if not _rejected(each, rules)]
    best = min((rules.rank(each.facts) for each in matching), default=())
    first = [each for each in matching if rules.rank(each.facts) == best]
    count = len(matching)
    return [_choice(each, rules, first, count=count) for each in members]


def _choice(each: Candidate, rules: Rules, first: Sequence[Candidate], *, count: int) -> Choice:
    rejected = _rejected(each, rules)
    if rejected:
        return Choice(candidate=each, is_chosen=False, reason=rejected)
    if not any(each is one for one in first):
        reason = _less_preferred(each, rules, first[0])
        return Choice(candidate=each, is_chosen=False, reason=reason)
    if len(first) == 1:
        reason = f"first of {count} by {rules.prefer[0]}" if count > 1 else "the only match"
        return Choice(candidate=each, is_chosen=True, reason=reason)
    reason = f"tied with {counted(len(first) - 1, 'other')}"
    return Choice(candidate=each, is_chosen=False, reason=reason, is_tied=True)


def _rejected(each: Candidate, rules: Rules) -> str:
    """Return why a series cannot be chosen, or ''."""
    failed = [f"{each.facts.text(rule.name)} (not {rule})" for rule in rules.failed(each.facts)]
    names = [rule.name for rule in rules.failed(each.facts)]
    reasons = [f"{name} {text}" for name, text in zip(names, failed, strict=True)]
    return "; ".join([*reasons, *([each.refusal] if each.refusal else [])])


def _less_preferred(each: Candidate, rules: Rules, chosen: Candidate) -> str:
    ranks = zip(rules.prefer, rules.rank(each.facts), rules.rank(chosen.facts), strict=True)
    preference = next(name for name, one, other in ranks if one != other)
    name = PREFERENCES[preference][0]
    values = f"{each.facts.text(name)} against {chosen.facts.text(name)}"
    return f"not {preference}: {name} {values}"
