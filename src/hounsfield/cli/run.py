"""`hounsfield run`: run a pipeline on many cases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

from typer import Argument, Exit, Option

from hounsfield.cli.errors import FAILED, NO_CASE, USAGE, Failure, about
from hounsfield.cli.naming import check_sources, linker, using_key
from hounsfield.cli.options import FORMAT_METAVAR, Naming, Reading, format_name, load_pipeline
from hounsfield.cli.terminal import Terminal, error_line
from hounsfield.core.errors import PipelineError
from hounsfield.dataset.case import CaseResult, Status
from hounsfield.dataset.case_ids import PLAIN

if TYPE_CHECKING:
    from hounsfield.dataset.case import CaseSource
    from hounsfield.dataset.discover import Discovery
    from hounsfield.dataset.run import Summary
    from hounsfield.dataset.run_config import RunConfig
    from hounsfield.pipeline.pipeline import Pipeline

DTYPES = ("int16", "uint8", "uint16", "int32", "float32", "float16", "float64", "int8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """Options of the output."""

    out: Annotated[
        Path, Option("--out", "-o", help="Output folder; an earlier run there is resumed.")
    ]
    format: Annotated[
        str,
        Option(
            metavar=FORMAT_METAVAR,
            parser=format_name,
            help="Format of the volumes; png keeps HU in 16 bits, png8 is a preview in 8 bits, "
            "dicom is a derived series.",
        ),
    ] = "nii.gz"
    dtype: Annotated[
        str | None,
        Option(
            help="Dtype of the image, such as int16 (default: that of the result); values must fit."
        ),
    ] = None
    label: Annotated[
        list[str] | None,
        Option(
            metavar="[NAME=]FILE",
            help="Label of the image; repeatable. In FILE {id} is the case id, {path} the folder "
            "of the image, {stem} the name of its file or series folder, {parent} that of the "
            "folder around it.",
        ),
    ] = None
    settings: Annotated[
        list[str] | None,
        Option("--set", metavar="STEP.KEY=VALUE", help="Change a parameter of a step; repeatable."),
    ] = None
    memory: Annotated[
        str | None,
        Option(
            metavar="SIZE",
            help="Memory limit per case, such as 2G "
            "(default: 80 % of free memory, shared by the workers).",
        ),
    ] = None
    workers: Annotated[
        int, Option("--workers", "-j", min=1, help="Number of worker processes.")
    ] = 1


def run(
    terminal: Terminal,
    reading: Reading,
    writing: Writing,
    naming: Naming,
    pipeline: Annotated[str, Argument(help="Preset name, .toml file or record.json.")],
    src: Annotated[list[str], Argument(help="CT: files, folders, patterns or @list.txt.")],
) -> None:
    """Run a pipeline on CT; write volumes, masks, labels, previews and records to a folder."""
    steps = load_pipeline(pipeline, settings=writing.settings or ())
    if writing.dtype is None and pipeline.endswith(".json"):
        writing = replace(writing, dtype=recorded_dtype(Path(pipeline)))
    check_sources(src, writing.out)
    with using_key(naming.key):
        found, summary = _run(terminal, steps, reading, writing, naming=naming, src=src)
    for note in found.notes:
        terminal.say(f"note: {note}")
    _end(terminal, summary, missed=len(found.missed), out=writing.out)


def _run(
    terminal: Terminal,
    steps: Pipeline,
    reading: Reading,
    writing: Writing,
    *,
    naming: Naming,
    src: Sequence[str],
) -> tuple[Discovery, Summary]:
    """Find the cases and run them."""
    from hounsfield.dataset.discover import discover
    from hounsfield.dataset.engines.local import LocalEngine
    from hounsfield.dataset.run import run_dataset

    found = discover(src, ids=naming.ids, series=reading.series)
    if not found.cases:
        raise no_case(found)
    config = _config(steps, reading, writing, count=len(found.cases))
    link = linker(terminal, naming, found.cases, writing.out)
    for missed in found.missed:
        terminal.warn(str(missed))
    with about(writing.out), reporting(terminal, found.cases) as report:
        engine = LocalEngine(workers=writing.workers)
        return found, run_dataset(config, found.cases, engine=engine, report=report, link=link)


def recorded_dtype(path: Path) -> str:
    """Return the dtype that the run of a record wrote, which the pipeline does not state."""
    from hounsfield.pipeline.record import Record

    return str(Record.load(path).output["dtype"])


def no_case(found: Discovery) -> Failure:
    """Return the error of a run without cases: each source with its reason, in one line."""
    text = "; ".join(str(missed) for missed in found.missed)
    public = "; ".join(dict.fromkeys(missed.message for missed in found.missed))
    return Failure(text or "no case found", status=NO_CASE, code="NO_CASE", public=public)


def _config(pipeline: Pipeline, reading: Reading, writing: Writing, *, count: int) -> RunConfig:
    from hounsfield.dataset.case_names import fields_in
    from hounsfield.dataset.labels import FIELDS
    from hounsfield.dataset.run_config import RunConfig
    from hounsfield.io.formats import case_suffix
    from hounsfield.pipeline.check import check_names

    labels = tuple(_label(text) for text in writing.label or ())
    names = [name for name, _ in labels]
    if len(set(names)) < len(names):
        raise Failure(
            "two labels have the same name; name each one, as in --label liver=FILE",
            status=USAGE,
            code="USAGE",
        )
    diagnostics = check_names(pipeline.steps, dict.fromkeys(names))
    # The regions of an RTSTRUCT or DICOM SEG are unknown until it is read: each case checks them.
    if diagnostics and all(case_suffix(path) for _, path in labels):
        raise PipelineError(diagnostics)
    if count > 1 and any(not fields_in(path) & set(FIELDS) for _, path in labels):
        raise Failure(
            f"one label file for {count} cases; put {{id}} in its name for the case id, or "
            "{path}, {parent} or {stem}",
            status=USAGE,
            code="USAGE",
        )
    return RunConfig(
        pipeline=pipeline,
        out=writing.out,
        format=writing.format,
        dtype=_dtype(writing.dtype),
        policy=reading.policy,
        labels=labels,
        memory_bytes=_memory(writing.memory, workers=writing.workers),
    )


def _memory(text: str | None, *, workers: int) -> int | None:
    """Return the memory limit of one case in bytes; free memory is shared by the workers."""
    from hounsfield.core.platform import free_memory_bytes
    from hounsfield.dataset.memory import SHARE, parse_bytes

    if text is None:
        return int(free_memory_bytes() * SHARE) // workers
    try:
        return parse_bytes(text)
    except ValueError:
        raise Failure(
            f"invalid --memory '{text}'; expected a size such as 500M or 2G",
            status=USAGE,
            code="USAGE",
        ) from None


def _label(text: str) -> tuple[str, str]:
    """Return the name and the file of a label."""
    from hounsfield.dataset.labels import DEFAULT

    name, equals, path = text.partition("=")
    if not equals:
        return DEFAULT, text
    if PLAIN.fullmatch(name) is None:
        raise Failure(
            f"invalid label name '{name}'; expected 1 to 40 letters, digits, _ and -",
            status=USAGE,
            code="USAGE",
        )
    return name, path


def _dtype(name: str | None) -> str | None:
    if name is not None and name not in DTYPES:
        raise Failure(
            f"unknown dtype '{name}'; expected one of {', '.join(DTYPES)}",
            status=USAGE,
            code="USAGE",
        )
    return name


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
            done += 1
            print_result(terminal, result, typed[result.id])
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
    status = "up to date" if result.status == "skipped" else f"done in {result.seconds:.1f} s"
    terminal.say(
        f"{result.id}  {status}  ({typed})" if typed != result.id else f"{result.id}  {status}"
    )
    for found in result.diagnostics:
        line = f"  {found['severity']}: {found['message']}"
        terminal.detail(line) if found["severity"] == "note" else terminal.say(line)


def _end(terminal: Terminal, summary: Summary, *, missed: int, out: Path) -> None:
    counts = {status: summary.count(status) for status in get_args(Status)}
    if terminal.json:
        terminal.data(
            {
                "schema": 1,
                "counts": {**counts, "missed": missed},
                "cases": [result.to_json() for result in summary.outcomes],
            }
        )
    terminal.say(
        f"{counts['done']} done, {counts['skipped']} up to date, {counts['failed']} failed; "
        f"see {out}"
    )
    if counts["failed"] or missed:
        raise Exit(FAILED)
