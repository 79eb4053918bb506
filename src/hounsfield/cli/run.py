"""`hounsfield run`: a pipeline over cases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, get_args

from typer import Argument, Exit, Option

from hounsfield.cli.errors import FAILED, NO_CASE, USAGE, Failure, about
from hounsfield.cli.options import Reading, load_pipeline
from hounsfield.cli.terminal import Terminal, error_line
from hounsfield.core.errors import PipelineError
from hounsfield.dataset.case_ids import PLAIN
from hounsfield.dataset.case_result import CaseResult, Status

if TYPE_CHECKING:
    from hounsfield.dataset.case import CaseSource
    from hounsfield.dataset.discover import Discovery
    from hounsfield.dataset.run import Summary
    from hounsfield.dataset.run_config import RunConfig
    from hounsfield.pipeline.pipeline import Pipeline

Format = Literal["nii.gz", "nii", "nrrd", "npy", "png", "png8", "dicom"]
DTYPES = ("int16", "uint8", "uint16", "int32", "float32", "float16", "float64", "int8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """What is written, and how."""

    out: Annotated[
        Path, Option("--out", "-o", help="The output folder; an earlier run there is resumed.")
    ]
    format: Annotated[
        Format,
        Option(
            help="Of the volumes; png keeps HU in 16 bits, png8 is to look at, "
            "dicom is a derived series."
        ),
    ] = "nii.gz"
    dtype: Annotated[
        str | None, Option(help="Of the image, such as int16; checked, never wrapped.")
    ] = None
    label: Annotated[
        list[str] | None,
        Option(
            metavar="[NAME=]FILE",
            help="Labels that go with the image; {id} in FILE stands for the case's id.",
        ),
    ] = None
    settings: Annotated[
        list[str] | None, Option("--set", metavar="STEP.KEY=VALUE", help="Change a step.")
    ] = None
    ids: Annotated[Literal["auto", "stem", "hash"], Option(help="How cases are named.")] = "auto"
    memory: Annotated[
        str | None,
        Option(
            metavar="SIZE",
            help="What a case may take, such as 2G; most of what is free if not given.",
        ),
    ] = None
    workers: Annotated[int, Option(min=1, help="Processes that run cases.")] = 1


def run(
    terminal: Terminal,
    reading: Reading,
    writing: Writing,
    pipeline: Annotated[str, Argument(help="A preset's name, a .toml file or a record.json.")],
    src: Annotated[list[str], Argument(help="CT: files, folders, patterns, @list.txt.")],
) -> None:
    """Run a pipeline over CT and leave volumes, masks, labels, previews and records in an output folder."""
    from hounsfield.dataset.discover import discover
    from hounsfield.dataset.run import run_dataset

    steps = load_pipeline(pipeline, settings=writing.settings or ())
    if writing.dtype is None and pipeline.endswith(".json"):
        writing = replace(writing, dtype=recorded_dtype(Path(pipeline)))
    found = discover(src, ids=writing.ids, series=reading.series)
    if not found.cases:
        raise no_case(found)
    job = _job(steps, reading, writing, count=len(found.cases))
    for missed in found.missed:
        terminal.warn(str(missed))
    with about(writing.out), reporting(terminal, found.cases) as report:
        summary = run_dataset(job, found.cases, workers=writing.workers, report=report)
    _end(terminal, summary, missed=len(found.missed), out=writing.out)


def recorded_dtype(path: Path) -> str:
    """The dtype that a record's run wrote, which its pipeline does not say."""
    from hounsfield.pipeline.record import Record

    return str(Record.load(path).output["dtype"])


def no_case(found: Discovery) -> Failure:
    """What to end with where nothing that was named holds a case: each, with the reason, in one line."""
    text = "; ".join(str(missed) for missed in found.missed)
    public = "; ".join(dict.fromkeys(missed.message for missed in found.missed))
    return Failure(text or "no case found", status=NO_CASE, code="NO_CASE", public=public)


def _job(pipeline: Pipeline, reading: Reading, writing: Writing, *, count: int) -> RunConfig:
    from hounsfield.dataset.discover import IMAGE_SUFFIXES
    from hounsfield.dataset.run_config import RunConfig
    from hounsfield.pipeline.check import check_names

    labels = tuple(_label(word) for word in writing.label or ())
    names = [name for name, _ in labels]
    if len(set(names)) < len(names):
        raise Failure(
            "two labels have one name: give each its own, as in --label liver=FILE",
            status=USAGE,
            code="USAGE",
        )
    diagnostics = check_names(pipeline.steps, dict.fromkeys(names))
    # The regions of an RTSTRUCT or DICOM SEG are known once it is read: then the case itself is checked.
    if diagnostics and all(path.lower().endswith((*IMAGE_SUFFIXES, ".npy")) for _, path in labels):
        raise PipelineError(diagnostics)
    if count > 1 and any("{id}" not in path for _, path in labels):
        raise Failure(
            f"one label file cannot go with {count} cases: put {{id}} where the case's id stands in its name",
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


def _memory(word: str | None, *, workers: int) -> int | None:
    """The budget of one case in bytes: what is free is shared by the workers, what was asked for is each one's."""
    from hounsfield.dataset.memory import SHARE, free_bytes, parse_bytes

    if word is None:
        return int(free_bytes() * SHARE) // workers
    try:
        return parse_bytes(word)
    except ValueError:
        raise Failure(
            f"--memory is a size such as 500M or 2G, not '{word}'", status=USAGE, code="USAGE"
        ) from None


def _label(word: str) -> tuple[str, str]:
    """A label's name and file."""
    from hounsfield.dataset.labels import DEFAULT

    name, equals, path = word.partition("=")
    if not equals:
        return DEFAULT, word
    if PLAIN.fullmatch(name) is None:
        raise Failure(
            f"'{name}' is no name for a label: 1 to 40 letters, digits, _ and -",
            status=USAGE,
            code="USAGE",
        )
    return name, path


def _dtype(word: str | None) -> str | None:
    if word is not None and word not in DTYPES:
        raise Failure(
            f"'{word}' is no dtype for an image (there are {', '.join(DTYPES)})",
            status=USAGE,
            code="USAGE",
        )
    return word


@contextmanager
def reporting(
    terminal: Terminal, cases: Sequence[CaseSource]
) -> Iterator[Callable[[CaseResult], None]]:
    """What to call with each outcome: it says a line about it and moves the progress bar on."""
    counts = Counter(case.typed for case in cases)
    typed = {
        case.id: case.typed if counts[case.typed] == 1 else f"{case.typed} ({case.id})"
        for case in cases
    }
    done = 0
    with terminal.progress("cases") as progress:
        progress(0, len(cases))

        def report(outcome: CaseResult) -> None:
            nonlocal done
            done += 1
            say_outcome(terminal, outcome, typed[outcome.id])
            progress(done, len(cases))

        yield report


def say_outcome(terminal: Terminal, outcome: CaseResult, typed: str) -> None:
    """A line about a case, and one for each thing that was mended or is in doubt."""
    if outcome.status == "failed":
        where = f" ({outcome.where})" if outcome.where not in ("", typed) else ""
        error_line(f"{typed}: {outcome.message}{where}")
        if terminal.traceback:
            terminal.trace(outcome.trace)
        return
    words = "up to date" if outcome.status == "skipped" else f"done in {outcome.seconds:.1f} s"
    terminal.say(
        f"{outcome.id}  {words}  ({typed})" if typed != outcome.id else f"{outcome.id}  {words}"
    )
    for note in outcome.notes:
        terminal.say(f"  note: {note}")


def _end(terminal: Terminal, summary: Summary, *, missed: int, out: Path) -> None:
    counts = {status: summary.count(status) for status in get_args(Status)}
    if terminal.json:
        terminal.data(
            {
                "schema": 1,
                "counts": {**counts, "missed": missed},
                "cases": [outcome.to_json() for outcome in summary.outcomes],
            }
        )
    terminal.say(
        f"{counts['done']} done, {counts['skipped']} up to date, {counts['failed']} failed; see {out}"
    )
    if counts["failed"] or missed:
        raise Exit(FAILED)
