"""`hounsfield run`: run a pipeline on many cases."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Exit

from hounsfield.cli.errors import FAILED, USAGE, Failure, about
from hounsfield.cli.naming import linker, using_key
from hounsfield.cli.options import Naming, Reading, load_pipeline
from hounsfield.cli.run_labels import print_findings
from hounsfield.cli.run_options import Choosing, Execution, Labelling, Writing
from hounsfield.cli.run_report import (
    no_case,
    print_choices,
    print_missed,
    print_plan,
    print_refused,
    print_summary,
    reporting,
)
from hounsfield.cli.run_request import only_of, request_of
from hounsfield.cli.terminal import Terminal
from hounsfield.io.bytes.remote import url_of

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
    choosing: Choosing,
    execution: Execution,
    naming: Naming,
    pipeline: Annotated[str, Argument(help="Preset name, .toml file or record.json.")],
    src: Annotated[
        list[str], Argument(help="CT: files, folders, data sets, patterns, CSV or @list.txt.")
    ],
) -> None:
    """Run a pipeline on CT; write volumes, masks, labels, previews and records to a folder."""
    from hounsfield.dataset.output_folder import check_sources

    dtype = _dtype(writing.dtype)
    if dtype is None and pipeline.endswith(".json"):
        dtype = recorded_dtype(Path(pipeline))
    request = replace(
        request_of(
            load_pipeline(pipeline, settings=writing.settings or ()),
            src,
            writing.out,
            reading=reading,
            ids=naming,
            labelling=labelling,
            choosing=choosing,
            limits=execution,
        ),
        format=writing.format,
        dtype=dtype,
        only=only_of(execution.only),
    )
    check_sources(src, writing.out)
    with using_key(naming.key):
        found, summary = _run(terminal, request, execution, naming, overwrite=writing.overwrite)
    for note in found.notes:
        terminal.say(f"note: {note}")
    print_summary(terminal, summary, out=url_of(writing.out) or writing.out)
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
    from hounsfield.dataset.engines.choose import choose_engine
    from hounsfield.dataset.output_folder import make_folders
    from hounsfield.dataset.request import find_cases, prepare
    from hounsfield.dataset.run import run_dataset

    found = find_cases(request)
    print_choices(terminal, found.choices)
    if not found.cases:
        raise no_case(found)
    with terminal.progress("headers") as progress:
        config, planned = prepare(request, found, progress=progress)
    link = linker(terminal, naming, found.cases, request.out)
    engine = choose_engine(
        execution.engine,
        scheduler=execution.scheduler,
        workers=planned.workers,
        timeout_seconds=execution.timeout,
        in_process=len(found.cases) == 1,  # there is no other case to be kept from it
    )
    with about(url_of(request.out) or request.out):
        make_folders(config.out)
        print_missed(terminal, found)
        print_findings(terminal, found)
        if len(found.cases) > 1:
            print_refused(terminal, planned, found.cases)
        print_plan(terminal, planned)
        with reporting(terminal, found.cases) as report:
            summary = run_dataset(
                config, found, engine=engine, report=report, link=link, overwrite=overwrite
            )
    return found, summary


def recorded_dtype(path: Path) -> str:
    """Return the dtype that the run of a record wrote, which the pipeline does not state."""
    from hounsfield.pipeline.record import Record

    return str(Record.load(path).output["dtype"])


def _dtype(name: str | None) -> str | None:
    if name is not None and name not in DTYPES:
        raise Failure(
            f"unknown dtype '{name}'; expected one of {', '.join(DTYPES)}",
            status=USAGE,
            code="USAGE",
        )
    return name
