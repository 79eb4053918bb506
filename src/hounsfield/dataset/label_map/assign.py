"""Assign the regions of a case to the labels of a label map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.display import counted
from hounsfield.dataset.label_map.label_map import LabelMap
from hounsfield.dataset.label_map.regions import FoundRegions, Region


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """The regions of each label that has one, and those that match no label or several.

    `unread` counts label files whose values are not known yet.
    """

    labels: dict[str, tuple[Region, ...]]
    unmatched: tuple[Region, ...] = ()
    ambiguous: tuple[tuple[Region, tuple[str, ...]], ...] = ()
    missing: tuple[str, ...] = ()
    missing_required: tuple[str, ...] = ()
    unread: int = 0

    @property
    def refusals(self) -> tuple[Diagnostic, ...]:
        """Why the case cannot be run; without the names of regions, which may name a patient."""
        found = [_ambiguous(self.ambiguous)] if self.ambiguous else []
        if self.missing_required and not self.unread:
            found.append(missing_labels(self.missing_required))
        return tuple(found)

    @property
    def notes(self) -> tuple[Diagnostic, ...]:
        """What was found, for the record."""
        found = [
            Diagnostic(
                "LABEL_JOINED",
                "note",
                f"label '{name}': {len(regions)} regions are joined",
                value=float(len(regions)),
            )
            for name, regions in self.labels.items()
            if len(regions) > 1
        ]
        if self.unmatched:
            count = len(self.unmatched)
            verb = "matches" if count == 1 else "match"
            message = f"{counted(count, 'region')} {verb} no label of the label map; left out"
            found.append(Diagnostic("LABEL_UNMATCHED", "note", message, value=float(count)))
        if self.missing:
            found.append(
                Diagnostic("LABEL_MISSING", "note", f"no region for {quoted(self.missing)}")
            )
        return tuple(found)


def assign(label_map: LabelMap, found: FoundRegions | Sequence[Region]) -> Assignment:
    """Assign each region to the label that matches it; one that matches several is `ambiguous`."""
    regions = found.regions if isinstance(found, FoundRegions) else found
    unread = len(found.unread) if isinstance(found, FoundRegions) else 0
    chosen: dict[str, list[Region]] = {name: [] for name in label_map.names}
    unmatched: list[Region] = []
    ambiguous: list[tuple[Region, tuple[str, ...]]] = []
    for region in regions:
        names = label_map.names_of(region.text)
        if len(names) == 1:
            chosen[names[0]].append(region)
        elif names:
            ambiguous.append((region, names))
        else:
            unmatched.append(region)
    matched = {name for _, names in ambiguous for name in names}
    missing = [rule for rule in label_map.rules if not chosen[rule.name]]
    missing = [rule for rule in missing if rule.name not in matched]
    return Assignment(
        labels={name: tuple(regions) for name, regions in chosen.items() if regions},
        unmatched=tuple(unmatched),
        ambiguous=tuple(ambiguous),
        missing=tuple(rule.name for rule in missing),
        missing_required=tuple(rule.name for rule in missing if rule.required),
        unread=unread,
    )


def missing_labels(names: Sequence[str]) -> Diagnostic:
    """Return the refusal of a case without a required label."""
    which, verb = ("label", "is") if len(names) == 1 else ("labels", "are")
    message = (
        f"required {which} {quoted(names)} {verb} missing or empty; check the patterns, or remove "
        "'required' from the label map"
    )
    return Diagnostic("LABEL_MISSING", "refusal", message)


def quoted(names: Sequence[str]) -> str:
    """Return names in quotes, separated by commas."""
    return ", ".join(f"'{name}'" for name in names)


def _ambiguous(found: Sequence[tuple[Region, tuple[str, ...]]]) -> Diagnostic:
    pairs = dict.fromkeys(names for _, names in found)
    which = "; ".join(" and ".join(f"'{name}'" for name in names) for names in pairs)
    verb = "matches" if len(found) == 1 else "match"
    message = (
        f"{counted(len(found), 'region')} {verb} several labels ({which}); make the patterns "
        "exclusive, as in (?!.*tumou?r).*liver.*"
    )
    return Diagnostic("LABEL_AMBIGUOUS", "refusal", message, value=float(len(found)))
