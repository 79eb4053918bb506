"""`hounsfield run`: run a pipeline on many cases."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Exit

from hounsfield.cli.errors import FAILED, NO_CASE, USAGE, Failure, about
from hounsfield.cli.naming import linker, using_key
from hounsfield.cli.options import Naming, Reading, load_pipeline
from hounsfield.cli.run_options import Execution, Labelling, Writing
from hounsfield.cli.run_report import print_missed, print_summary, reporting
from hounsfield.cli.terminal import Terminal
from hounsfield.dataset.case_ids import PLAIN

if TYPE_CHECKING:
    from hounsfield.dataset.discover import Discovery
    from hounsfield.dataset.request import RunRequest
    from hounsfield.dataset.summary import Summary

DTYPES = ("int16", "uint8", "uint16", "int32", "float32", "float16", "float64", "int8")


def run(
    terminal: Terminal,
    reading: Reading,
    writing: Writing,
    labelling: Labelling,
    execution: Execution,
    naming: Naming,
    pipeline: Annotated[str, Argument(help="Preset name, .toml file or record.json.")],
    src: Annotated[list[str], Argument(help="CT: files, folders, patterns or @list.txt.")],
) -> None:
    """Run a pipeline on CT; write volumes, masks, labels, previews and records to a folder."""
    from hounsfield.dataset.output_folder import check_sources
    from hounsfield.dataset.request import RunRequest

    dtype = _dtype(writing.dtype)
    if dtype is None and pipeline.endswith(".json"):
        dtype = recorded_dtype(Path(pipeline))
    request = RunRequest(
        pipeline=load_pipeline(pipeline, settings=writing.settings or ()),
        sources=tuple(src),
        out=writing.out,
        format=writing.format,
        dtype=dtype,
        policy=reading.policy,
        ids=naming.ids,
        series=reading.series,
        labels=tuple(_label(text) for text in labelling.label or ()),
        memory_bytes=_memory(execution.memory),
        workers=execution.workers,
    )
    check_sources(src, writing.out)
    with using_key(naming.key):
        found, summary = _run(terminal, request, execution, naming, overwrite=writing.overwrite)
    for note in found.notes:
        terminal.say(f"note: {note}")
    print_summary(terminal, summary, out=writing.out)
    if not summary.is_complete:
        raise Exit(FAILED)


def _run(
    terminal: Terminal,
    request: RunRequest,
    execution: Execution,
    naming: Naming,
    *,
    overwrite: bool,
) -> tuple[Discovery, Summary]:
    """Find the cases and run them."""
    from hounsfield.dataset.engines.local import LocalEngine
    from hounsfield.dataset.request import find_cases, run_config
    from hounsfield.dataset.run import run_dataset

    found = find_cases(request)
    if not found.cases:
        raise no_case(found)
    config = run_config(request, found)
    link = linker(terminal, naming, found.cases, request.out)
    print_missed(terminal, found)
    with about(request.out), reporting(terminal, found.cases) as report:
        summary = run_dataset(
            config,
            found,
            engine=LocalEngine(workers=execution.workers, timeout_seconds=execution.timeout),
            report=report,
            link=link,
            overwrite=overwrite,
        )
    return found, summary


def recorded_dtype(path: Path) -> str:
    """Return the dtype that the run of a record wrote, which the pipeline does not state."""
    from hounsfield.pipeline.record import Record

    return str(Record.load(path).output["dtype"])


def no_case(found: Discovery) -> Failure:
    """Return the error of a run without cases: each source with its reason, in one line."""
    text = "; ".join(str(missed) for missed in found.missed)
    public = "; ".join(dict.fromkeys(missed.message for missed in found.missed))
    return Failure(text or "no case found", status=NO_CASE, code="NO_CASE", public=public)


def _memory(text: str | None) -> int | None:
    """Return the memory limit of one case in bytes."""
    from hounsfield.dataset.memory import parse_bytes

    if text is None:
        return None
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
