"""`hounsfield verify`: check the outputs of a run, and compute a sample of cases again."""

from __future__ import annotations

import random
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Exit, Option

from hounsfield.cli.errors import FAILED, USAGE, Failure, about
from hounsfield.cli.terminal import Terminal, error_line
from hounsfield.core.display import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hounsfield.dataset.verify import Finding, Inputs, Written

SAMPLE = 3
"""Cases that are computed again by default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """How a sample of cases is computed again."""

    sample: Annotated[
        int | None,
        Option(min=0, help=f"Number of cases that are computed again (default: {SAMPLE})."),
    ] = None
    label: Annotated[
        list[str] | None,
        Option(metavar="[NAME=]FILE", help="Label of the image, as in the run; repeatable."),
    ] = None
    no_find_labels: Annotated[
        bool,
        Option("--no-find-labels", help="Use no RTSTRUCT and SEG in the sources, as in the run."),
    ] = False
    points: Annotated[
        Path | None,
        Option(
            metavar="FILE",
            readable=False,
            help="Points of all cases, as in the run (default: none).",
        ),
    ] = None
    series: Annotated[
        str | None,
        Option(metavar="ID|NUMBER", help="Series of the sources, as in the run (default: all)."),
    ] = None
    linkage: Annotated[
        Path | None,
        Option(metavar="FILE", help="Linkage file of the run (default: that of the user)."),
    ] = None


def verify(
    terminal: Terminal,
    again: Again,
    out: Annotated[Path, Argument(readable=False, help="Output folder of a run.")],
    src: Annotated[
        list[str] | None, Argument(help="Sources of the run (default: those of its linkage file).")
    ] = None,
) -> None:
    """Check that all outputs have their sha256, and that a sample of cases has the same bytes.

    The sample is computed again from its sources, in a temporary folder; OUT is only read. The
    exit status is 1 if anything differs.
    """
    from hounsfield.dataset.find_sources import find_sources
    from hounsfield.dataset.verify import Inputs, read_written

    with about(out):
        written = read_written(out)
    files, findings = _check_files(terminal, out, written)
    with about(out):
        sources = find_sources(
            written.run_id,
            sources=src or (),
            linkage=again.linkage,
            series=again.series,
            find_labels=not (again.no_find_labels or again.label),
        )
    inputs = Inputs(
        sources=sources,
        series=again.series,
        labels=tuple(_label(text) for text in again.label or ()),
        points=again.points,
    )
    chosen = _chosen(terminal, written, inputs, again)
    findings += _check_again(terminal, out, written, inputs, chosen)
    for each in findings:
        error_line(str(each))
    if terminal.json:
        terminal.data(
            {
                "schema": 1,
                "cases": len(written.records),
                "files": files,
                "computed_again": chosen,
                "findings": [asdict(each) for each in findings],
            }
        )
    terminal.say(
        f"{counted(files, 'file')} of {counted(len(written.records), 'case')} checked, "
        f"{counted(len(chosen), 'case')} computed again: {counted(len(findings), 'difference')}"
    )
    if findings:
        raise Exit(FAILED)


def _check_files(terminal: Terminal, out: Path, written: Written) -> tuple[int, list[Finding]]:
    """Return the number of files that were read, and those that differ."""
    from hounsfield.dataset.verify import check_files

    files, findings = 0, []
    with terminal.progress("checksums") as progress:
        for n, (case_id, digest) in enumerate(written.records.items()):
            progress(n, len(written.records), case_id)
            found, count = check_files(out, case_id, digest)
            findings += found
            files += count
    return files, findings


def _chosen(terminal: Terminal, written: Written, inputs: Inputs, again: Again) -> list[str]:
    """Return the cases of a random sample; none, with a warning, if no source is known."""
    count = min(SAMPLE if again.sample is None else again.sample, len(written.records))
    if not count or inputs.sources:
        return sorted(random.sample(sorted(written.records), count))
    message = "the run has no linkage file here; name its sources, or the file with --linkage"
    if again.sample is not None:
        raise Failure(message, status=FAILED, code="LINKAGE")
    terminal.warn(f"no case was computed again: {message}")
    return []


def _check_again(
    terminal: Terminal, out: Path, written: Written, inputs: Inputs, chosen: Sequence[str]
) -> list[Finding]:
    """Compute cases again and return what differs."""
    from hounsfield.dataset.verify import check_again

    findings: list[Finding] = []
    partial = 0
    with terminal.progress("computing again") as progress:
        for n, case_id in enumerate(chosen):
            progress(n, len(chosen), case_id)
            terminal.detail(f"{case_id}  computing again")
            found = check_again(out, written, case_id, inputs)
            findings += found.findings
            partial += found.is_partial
    if partial:
        terminal.warn(
            f"the labels or points of {counted(partial, 'case')} were not computed again; name "
            "the sources of the run, and --label and --points as in the run"
        )
    return findings


def _label(text: str) -> tuple[str, str]:
    from hounsfield.dataset.labels import DEFAULT

    name, equals, path = text.partition("=")
    if equals and not path:
        raise Failure(f"invalid --label '{text}'; expected a file", status=USAGE, code="USAGE")
    return (name, path) if equals else (DEFAULT, text)
