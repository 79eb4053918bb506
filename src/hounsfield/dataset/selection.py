"""Apply the rules of a selection to the cases that were found: one series of each study."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

from hounsfield.core.errors import HounsfieldError
from hounsfield.core.policy import ReadPolicy
from hounsfield.dataset.case import NoCase
from hounsfield.dataset.case_ids import Found, candidate_id
from hounsfield.dataset.describe_error import describe_error
from hounsfield.dataset.image_report import report_header
from hounsfield.dataset.select.choose import Candidate, Choice, choose
from hounsfield.dataset.select.facts import Facts, facts_of
from hounsfield.dataset.select.rules import Rules
from hounsfield.io.report import Report


@dataclass(frozen=True, slots=True)
class Selection:
    """The chosen cases, a choice for each case, and the studies without a chosen one."""

    found: tuple[Found, ...]
    choices: tuple[Choice, ...]
    missed: tuple[NoCase, ...]


def select(found: Sequence[Found], rules: Rules, *, policy: ReadPolicy, ids: str) -> Selection:
    """Choose one series of each study.

    A row of a table is a study of its own, and so is each image file, which states no study.
    """
    items: dict[tuple[str, str], Found] = {}
    for item in found:  # a series that was found twice is one candidate
        items.setdefault((_study(item), candidate_id(item, ids=ids)), item)
    candidates = [
        _candidate(item, study, case_id, policy) for (study, case_id), item in items.items()
    ]
    choices = choose(candidates, rules)
    chosen = [
        items[choice.candidate.study, choice.candidate.id] for choice in choices if choice.is_chosen
    ]
    return Selection(tuple(chosen), tuple(_public(choices, items)), tuple(_missed(choices)))


def _study(item: Found) -> str:
    """Return the key of the study of a case."""
    if item.row:
        return f"row {item.row}"
    return item.study or f"image {item.series_uid or os.path.realpath(item.path)}"


def _candidate(item: Found, study: str, case_id: str, policy: ReadPolicy) -> Candidate:
    try:
        report = _report(item, policy)
    except HounsfieldError as error:
        return Candidate(
            study=study,
            id=case_id,
            facts=Facts(),
            typed=item.typed,
            refusal=_short(describe_error(error).message),
        )
    refusals = [each for each in report.reasons if each.severity == "refusal"]
    return Candidate(
        study=study,
        id=case_id,
        facts=facts_of(report),
        typed=item.typed,
        refusal=_short(refusals[0].message) if refusals else "",
    )


def _short(message: str) -> str:
    """Return what was found, without the advice."""
    return f"cannot be read: {message.partition(';')[0]}"


def _report(item: Found, policy: ReadPolicy) -> Report:
    """Report a case from its headers."""
    if item.scanned is None:
        return report_header(item.path, policy=policy)
    from hounsfield.io.dicom.report import report

    return report(item.scanned, policy=policy, extra=item.diagnostics)


def _public(choices: Sequence[Choice], items: dict[tuple[str, str], Found]) -> list[Choice]:
    """Return the choices with the ids of their studies instead of the keys, which have paths."""
    made = []
    for choice in choices:
        one = choice.candidate
        study = items[one.study, one.id].study
        made.append(replace(choice, candidate=replace(one, study=study)))
    return made


def _missed(choices: Sequence[Choice]) -> list[NoCase]:
    """Return the studies without a chosen series, with the reason."""
    studies: dict[str, list[Choice]] = {}
    for choice in choices:
        studies.setdefault(choice.candidate.study, []).append(choice)
    return [
        _no_choice(members)
        for members in studies.values()
        if not any(choice.is_chosen for choice in members)
    ]


def _no_choice(members: Sequence[Choice]) -> NoCase:
    tied = [choice for choice in members if choice.is_tied]
    typed = (tied or members)[0].candidate.typed
    if tied:
        message = (
            f"{len(tied)} series of one study match --select ("
            f"{', '.join(choice.candidate.id for choice in tied)}); add a rule or a preference, "
            "such as prefer=thinnest|most-slices"
        )
        return NoCase(typed=typed, code="TIED_SERIES", message=message)
    if len(members) == 1:
        message = f"the series does not match --select: {members[0].reason}"
    else:
        message = f"none of {len(members)} series of the study matches --select"
    return NoCase(typed=typed, code="NO_MATCH", message=message)
