"""Join what was found about the regions of a label file, one diagnostic for each kind."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hounsfield.core.diagnostic import Diagnostic, Severity

LABELS_NAMED = 3
"""Most labels that a message names; a structure set has up to a hundred."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found about one label; '{count}' in `text` is that of all labels, '(s)' a plural.

    A count of `limit` or more is 'over' it, since no more were counted.
    """

    code: str
    severity: Severity
    label: str
    text: str
    count: int = 1
    limit: int | None = None


def diagnostics_of(findings: Iterable[Finding]) -> tuple[Diagnostic, ...]:
    """A diagnostic for each code and text, in order, with the labels that it is about."""
    groups: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        groups.setdefault((finding.code, finding.text), []).append(finding)
    return tuple(_joined(group) for group in groups.values())


def _joined(group: list[Finding]) -> Diagnostic:
    first, count = group[0], sum(finding.count for finding in group)
    is_more = first.limit is not None and count >= first.limit
    text = first.text.replace("{count}", f"over {first.limit}" if is_more else f"{count}")
    text = text.replace("(s)", "" if count == 1 else "s")
    return Diagnostic(first.code, first.severity, f"{_labels(group)}: {text}", value=float(count))


def _labels(group: list[Finding]) -> str:
    names = list(dict.fromkeys(finding.label for finding in group))
    more = f" and {len(names) - LABELS_NAMED} more" if len(names) > LABELS_NAMED else ""
    named = ", ".join(f"'{name}'" for name in names[:LABELS_NAMED])
    return f"{'label' if len(names) == 1 else 'labels'} {named}{more}"
