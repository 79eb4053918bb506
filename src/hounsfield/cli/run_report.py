"""What `hounsfield run` prints: a line for each case, and the summary."""

from __future__ import annotations

import math
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from hounsfield.cli.errors import NO_CASE, Failure
from hounsfield.cli.terminal import Terminal, error_line
from hounsfield.core.display import counted
from hounsfield.dataset.case import CaseResult

if TYPE_CHECKING:
    from hounsfield.core.diagnostic import Diagnostic
    from hounsfield.dataset.case import CaseSource
    from hounsfield.dataset.discover import Discovery
    from hounsfield.dataset.plan_cases import CasePlan, RunPlan
    from hounsfield.dataset.select.choose import Choice
    from hounsfield.dataset.summary import Summary


@contextmanager
def reporting(
    terminal: Terminal, cases: Sequence[CaseSource]
) -> Iterator[Callable[[CaseResult], None]]:
    """Return a function that prints a line for each result and advances the progress bar."""
    counts = Counter(case.typed for case in cases)
    typed = {
        case.id: case.typed if counts[case.typed] == 1 else f"{case.typed} ({case.id})"
        for case in cases
    }
    done = 0
    with terminal.progress("cases") as progress:
        progress(0, len(cases))

        def report(result: CaseResult) -> None:
            nonlocal done
            print_result(terminal, result, typed.get(result.id, result.id))
            if result.status != "stale":
                done += 1
                progress(done, len(cases))

        yield report


def print_result(terminal: Terminal, result: CaseResult, typed: str) -> None:
    """Print one line for a case, and one for each of its diagnostics."""
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
    terminal.say(
        f"{result.id}  {status}  ({typed})" if typed != result.id else f"{result.id}  {status}"
    )
    for found in result.diagnostics:
        _print_diagnostic(terminal, found, typed)


def _print_diagnostic(terminal: Terminal, found: Mapping[str, str], typed: str) -> None:
    """Print a diagnostic of a case: a warning with -q too, a note with -v only."""
    line = f"  {found['severity']}: {found['message']}"
    if found["severity"] == "note":
        terminal.detail(line)
    elif found["severity"] == "warning":
        terminal.warn(f"{typed}: {found['message']}")
    else:
        terminal.say(line)


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


def print_plan(terminal: Terminal, planned: RunPlan) -> None:
    """Print what the run will take in one line, with -v a line for each case; warn of refusals."""
    for case in planned.cases:
        terminal.detail(_plan_line(case))
    known = [case for case in planned.cases if case.shape]
    workers = counted(planned.workers, "worker")
    memory = f", up to {planned.peak_bytes / 1e6:.0f} MB each" if known else ""
    took = f", about {duration(planned.seconds)}" if known else ""
    terminal.say(f"{counted(len(planned.cases), 'case')}{took} with {workers}{memory}")
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
    """Print the counts, as JSON on stdout with --json."""
    if terminal.json:
        terminal.data(summary.to_json())
    current = [case for case in summary.cases if case.status != "stale"]
    codes = Counter(code for case in current for code in case.warnings)
    unused = [f"{int(each.value or 0)} {each.code}" for each in summary.unused]
    more = f"; warnings: {_counted(codes)}" if codes else ""
    more += f"; files not used: {', '.join(unused)}" if unused else ""
    terminal.say(f"{summary}{more}; see {out}")


def _counted(codes: Counter[str]) -> str:
    return ", ".join(f"{code} ({count})" for code, count in sorted(codes.items()))
