"""The results of a run over many cases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast, get_args

from hounsfield.core.arguments import checked
from hounsfield.core.diagnostic import Diagnostic, Severity
from hounsfield.core.display import html_value
from hounsfield.dataset.case import CaseResult, NoCase, Status
from hounsfield.dataset.select.choose import Choice


@checked
@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Hold the results of a run over many cases.

    Parameters
    ----------
    cases : tuple of CaseResult
        The result of each case, sorted by id; cases of earlier runs whose source is not among the
        sources any more have the status 'stale'.
    missed : tuple of NoCase, default ()
        The sources without a case.
    unused : tuple of Diagnostic, default ()
        DICOM files that are no case: a refusal for slices that cannot be read, a note for others,
        such as localizers. `value` is the number of files.
    choices : tuple of Choice, default ()
        The series of each study that a selection chose and rejected, with the reasons.
    findings : tuple of Diagnostic, default ()
        Warnings about the labels and points of all cases, such as a label that no region matches.
    labels : mapping of str to Any, default {}
        With a label map: for each label how many cases have it, and how many regions match none.
    rejected, unlisted : int, default 0
        Cases of the sources that the list of the run rejects, or does not name.

    Examples
    --------
    >>> from hounsfield.dataset.case import CaseResult
    >>> Summary(cases=(CaseResult(id="a", status="done"), CaseResult(id="b", status="failed")))
    Summary(1 done, 0 up to date, 1 failed)
    """

    cases: tuple[CaseResult, ...]
    missed: tuple[NoCase, ...] = ()
    unused: tuple[Diagnostic, ...] = ()
    choices: tuple[Choice, ...] = ()
    findings: tuple[Diagnostic, ...] = ()
    labels: Mapping[str, Any] = field(default_factory=dict)
    rejected: int = 0
    unlisted: int = 0

    def count(self, status: Status) -> int:
        """Return the number of cases with a status.

        Parameters
        ----------
        status : {'done', 'skipped', 'failed', 'stale'}
            The status; 'skipped' cases were up to date.

        Returns
        -------
        int
            The number.
        """
        return sum(result.status == status for result in self.cases)

    @property
    def counts(self) -> dict[str, int]:
        """Cases by status, with warnings or left out by a list; missed sources, unread files."""
        return {
            **{status: self.count(status) for status in get_args(Status)},
            "warned": sum(each.status != "stale" and bool(each.warnings) for each in self.cases),
            "missed": len(self.missed),
            "unreadable": sum(int(each.value or 0) for each in self.unused if _is_lost(each)),
            "rejected": self.rejected,
            "unlisted": self.unlisted,
        }

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """What was found in all cases and sources; `where` is the id of a case."""
        return (*self._of_cases(), *self.unused, *self.findings)

    @property
    def is_complete(self) -> bool:
        """Whether every source has a case, every case is done, and every slice could be read."""
        counts = self.counts
        return not (counts["failed"] or counts["missed"] or counts["unreadable"])

    def _of_cases(self) -> Iterator[Diagnostic]:
        for case in self.cases:
            if case.status == "stale":
                yield Diagnostic("STALE", "warning", case.message, case.id)
                continue
            for each in case.diagnostics:
                code, severity = each["code"], cast("Severity", each["severity"])
                yield Diagnostic(code, severity, each["message"], case.id)
            if case.status == "failed":
                yield Diagnostic(case.code, "refusal", case.message, case.id)
        for missed in self.missed:
            yield Diagnostic(missed.code, "refusal", missed.message)

    def to_json(self) -> dict[str, Any]:
        """Return the summary as plain data, without paths.

        Returns
        -------
        dict of str to Any
            The counts, the cases, and the codes of what is not a case.
        """
        return {
            "schema": 1,
            "counts": self.counts,
            "cases": [each.to_json() for each in self.cases],
            "missed": [{"code": each.code, "message": each.message} for each in self.missed],
            "unused": [{**each.to_json(), "files": int(each.value or 0)} for each in self.unused],
            **({"selection": [each.to_json() for each in self.choices]} if self.choices else {}),
            "findings": [each.to_json() for each in self.findings],
            "labels": dict(self.labels),
        }

    def __str__(self) -> str:
        counts = self.counts
        parts = [f"{counts['done']} done{self._warned('done')}"]
        parts += [f"{counts['skipped']} up to date{self._warned('skipped')}"]
        parts += [f"{counts['failed']} failed"]
        for name, text in _OTHERS:
            parts += [f"{counts[name]} {text}"] if counts[name] else []
        return ", ".join(parts)

    def _warned(self, status: Status) -> str:
        """Return how many cases of a status have warnings; '' if none."""
        count = sum(each.status == status and bool(each.warnings) for each in self.cases)
        return f" ({count} with warnings)" if count else ""

    def __repr__(self) -> str:
        return f"Summary({self})"

    def _repr_html_(self) -> str:
        rows = [(name, str(count)) for name, count in self.counts.items()]
        return html_value("Summary", rows)


_OTHERS = (
    ("stale", "stale"),
    ("missed", "without a case"),
    ("unreadable", "files unreadable"),
    ("rejected", "rejected"),
    ("unlisted", "not in the list"),
)
"""Counts that the summary names only if they are not 0."""


def _is_lost(diagnostic: Diagnostic) -> bool:
    return diagnostic.severity == "refusal"
