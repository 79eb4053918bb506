"""What `hounsfield run` prints: a line for each case, and the summary."""

from __future__ import annotations

import math
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from hounsfield.cli.errors import NO_CASE, Failure
from hounsfield.cli.terminal import Progress, Terminal, as_options, error_line
from hounsfield.core.display import counted
from hounsfield.core.version import VERSION
from hounsfield.dataset.case import CaseResult
from hounsfield.dataset.pace import Pace

if TYPE_CHECKING:
    from hounsfield.core.diagnostic import Diagnostic
    from hounsfield.dataset.case import CaseSource
    from hounsfield.dataset.discover import Discovery
    from hounsfield.dataset.plan_cases import CasePlan, RunPlan
    from hounsfield.dataset.select.choose import Choice
    from hounsfield.dataset.summary import Summary


MANY = 200
"""Cases from which those that are done are printed with -v only."""

PROGRESS_SECONDS = 10.0
"""Time between two lines of progress without a terminal."""


@contextmanager
def reporting(
    terminal: Terminal, cases: Sequence[CaseSource]
) -> Iterator[Callable[[CaseResult], None]]:
    """Return a function that prints each result, and how the run goes on."""
    if terminal.json:
        start = {"schema": 1, "version": VERSION, "cases": len(cases)}
        terminal.event("start", start)
    with terminal.progress("cases") as progress:
        report = _RunReport(terminal, cases, progress)
        progress(0, len(cases))
        yield report.add


class _RunReport:
    """Prints a line or an event for each result, and the pace: live, or from time to time."""

    def __init__(self, terminal: Terminal, cases: Sequence[CaseSource], progress: Progress) -> None:
        self._terminal, self._progress = terminal, progress
        self._pace, self._typed = Pace(len(cases)), _typed(cases)
        self._printed = time.monotonic()

    def add(self, result: CaseResult) -> None:
        """Print a result."""
        if self._terminal.json:
            self._terminal.event("case", result.to_json())
        is_brief = self._pace.total > MANY
        typed = self._typed.get(result.id, result.id)
        print_result(self._terminal, result, typed, is_brief=is_brief)
        self._pace.add(result)
        self._progress(self._pace.done, self._pace.total, self._pace.details)
        if not self._terminal.is_live and self._is_due():
            self._print_pace()

    def _is_due(self) -> bool:
        is_last = self._pace.done == self._pace.total
        return not is_last and time.monotonic() >= self._printed + PROGRESS_SECONDS

    def _print_pace(self) -> None:
        self._printed = time.monotonic()
        if self._terminal.json:
            self._terminal.event("progress", self._pace.to_json())
        self._terminal.say(f"progress: {self._pace}")


def _typed(cases: Sequence[CaseSource]) -> dict[str, str]:
    """Return what the user typed for each case, with its id where several share one source."""
    counts = Counter(case.typed for case in cases)
    return {
        case.id: case.typed if counts[case.typed] == 1 else f"{case.typed} ({case.id})"
        for case in cases
    }


def print_result(
    terminal: Terminal, result: CaseResult, typed: str, *, is_brief: bool = False
) -> None:
    """Print one line for a case, and one for each of its diagnostics; briefly, only problems."""
    if result.status == "failed":
        where = f" ({result.where})" if result.where not in ("", typed) else ""
        error_line(f"{typed}: {result.message}{where}")
        if terminal.traceback:
            terminal.trace(result.trace)
        return
    if result.status == "stale":
        terminal.warn(f"{result.id}: {result.message}")
        return
    status = "up to date" if result.status == "skipped" else f"done in {result.seconds:.1f} s"
    say = terminal.detail if is_brief else terminal.say
    say(f"{result.id}  {status}  ({typed})" if typed != result.id else f"{result.id}  {status}")
    for found in result.diagnostics:
        line = f"  {found['severity']}: {found['message']}"
        if found["severity"] == "warning":  # with -q too
            terminal.warn(f"{typed}: {found['message']}")
        else:
            (terminal.detail if found["severity"] == "note" else say)(line)


def print_missed(terminal: Terminal, found: Discovery) -> None:
    """Print a line for each source without a case, and for each kind of file that is no case."""
    for missed in found.missed:
        terminal.warn(str(missed))
    for each in found.unused:
        text = f"{_named(each)} [{each.code}]"
        if each.severity in ("refusal", "warning"):
            terminal.warn(text)
        else:
            terminal.say(f"note: {text}")


CHOICE_COLUMNS = (
    "study",
    "series",
    "kernel",
    "thickness",
    "slices",
    "contrast",
    "chosen",
    "reason",
    "path",
)


CHOICE_SPARE = ("path", "contrast", "study", "slices")
"""Columns dropped on a narrow screen, in this order."""


def print_choices(terminal: Terminal, choices: Sequence[Choice]) -> None:
    """Print a table of the series that a selection chose and rejected, on stderr."""
    if choices and not terminal.quiet:
        rows = [_choice_row(each) for each in choices]
        terminal.table(CHOICE_COLUMNS, rows, spare=CHOICE_SPARE, stream=sys.stderr)


def _choice_row(choice: Choice) -> tuple[str, ...]:
    one = choice.candidate
    name, kind = one.facts.words.get("kernel_name", ""), one.facts.word("kernel")
    return (
        one.study or "-",
        one.id,
        f"{name} ({kind})" if name else kind,
        one.facts.text("thickness_mm"),
        one.facts.text("slices"),
        one.facts.word("contrast"),
        "chosen" if choice.is_chosen else "rejected",
        choice.reason,
        one.typed,
    )


def _named(diagnostic: Diagnostic) -> str:
    """Return the message with its first files, which only the terminal shows."""
    return f"{diagnostic.message}: {diagnostic.file_names}"


REFUSED_COLUMNS = ("id", "problem", "path")

SHOWN_REFUSALS = 20
"""Refused cases that are listed without -v."""


def print_refused(terminal: Terminal, planned: RunPlan, cases: Sequence[CaseSource]) -> None:
    """Print a table of the cases that cannot be read, on stderr."""
    typed = {case.id: case.typed for case in cases}
    rows = [
        (each.id, as_options(f"{each.code}: {each.message}"), typed.get(each.id, ""))
        for each in planned.cases
        if each.code
    ]
    if not rows or terminal.quiet:
        return
    shown = rows if terminal.verbose else rows[:SHOWN_REFUSALS]
    terminal.table(REFUSED_COLUMNS, shown, spare=("path",), stream=sys.stderr)
    if len(shown) < len(rows):
        terminal.say(f"{counted(len(rows) - len(shown), 'more refused case')}; -v lists them")


def print_plan(terminal: Terminal, planned: RunPlan) -> None:
    """Print what the run will take in one line, with -v a line for each case; warn of refusals."""
    for case in planned.cases:
        terminal.detail(_plan_line(case))
    known = [case for case in planned.cases if case.shape]
    workers = counted(planned.workers, "worker")
    memory = f", up to {planned.peak_bytes / 1e6:.0f} MB each" if known else ""
    took = f", about {duration(planned.seconds)}" if known else ""
    terminal.say(f"{counted(len(planned.cases), 'case')}{took} with {workers}{memory}")
    print_warnings(terminal, planned)


def print_warnings(terminal: Terminal, planned: RunPlan) -> None:
    """Warn of cases that cannot be read or may not fit into memory."""
    if planned.refused:
        codes = _counted(planned.refused)
        count = counted(sum(planned.refused.values()), "case")
        terminal.warn(f"{count} cannot be read and will fail: {codes}")
    if planned.too_large:
        limit = planned.memory_bytes / 1e6
        count = counted(len(planned.too_large), "case")
        terminal.warn(
            f"{count} may exceed the limit of {limit:.0f} MB; use fewer workers, or raise --memory"
        )


def _plan_line(case: CasePlan) -> str:
    if not case.shape:
        return f"{case.id}  {case.code or 'known when it is copied'}  {case.message}".rstrip()
    mode = "streamed" if case.is_streamed else f"{case.peak_bytes / 1e6:.0f} MB"
    return (
        f"{case.id}  {grid_text(case.shape, case.spacing_mm)} -> "
        f"{grid_text(case.output_shape, case.output_spacing_mm)}  {mode}"
    )


def grid_text(shape: Sequence[int], spacing_mm: Sequence[float]) -> str:
    """Return the shape and the spacing of a grid."""
    size = " x ".join(map(str, shape[:3]))
    return f"{size} ({' x '.join(f'{mm:.3g}' for mm in spacing_mm)} mm)"


def duration(seconds: float) -> str:
    """Return a time for people.

    >>> duration(0.4), duration(75), duration(7300)
    ('1 s', '2 min', '2.0 h')
    """
    if seconds < 60:
        return f"{max(1, math.ceil(seconds))} s"
    return f"{math.ceil(seconds / 60)} min" if seconds < 3600 else f"{seconds / 3600:.1f} h"


def no_case(found: Discovery) -> Failure:
    """Return the error of a run without cases: each source with its reason, in one line."""
    text = "; ".join(str(missed) for missed in found.missed)
    public = "; ".join(dict.fromkeys(missed.message for missed in found.missed))
    return Failure(text or "no case found", status=NO_CASE, code="NO_CASE", public=public)


def print_summary(terminal: Terminal, summary: Summary, *, out: Path | str) -> None:
    """Print the counts; with --json they are the last event, without the cases printed before."""
    if terminal.json:
        found = summary.to_json()
        terminal.event("summary", {key: found[key] for key in found if key != "cases"})
    current = [case for case in summary.cases if case.status != "stale"]
    codes = Counter(code for case in current for code in case.warnings)
    unused = [f"{int(each.value or 0)} {each.code}" for each in summary.unused]
    more = f"; warnings: {_counted(codes)}" if codes else ""
    more += f"; files not used: {', '.join(unused)}" if unused else ""
    terminal.say(f"{summary}{more}; see {out}")


def _counted(codes: Counter[str]) -> str:
    return ", ".join(f"{code} ({count})" for code, count in sorted(codes.items()))
