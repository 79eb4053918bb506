"""`hounsfield run`: run a pipeline on many cases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Exit, Option

from hounsfield.cli.errors import FAILED, NO_CASE, USAGE, Failure, about
from hounsfield.cli.naming import linker, using_key
from hounsfield.cli.options import FORMAT_METAVAR, Naming, Reading, format_name, load_pipeline
from hounsfield.cli.run_report import print_missed, print_summary, reporting
from hounsfield.cli.terminal import Terminal
from hounsfield.dataset.case_ids import PLAIN

if TYPE_CHECKING:
    from hounsfield.dataset.discover import Discovery
    from hounsfield.dataset.run_config import RunConfig
    from hounsfield.dataset.summary import Summary
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
    timeout: Annotated[
        float | None,
        Option(
            metavar="SECONDS",
            min=0.001,
            help="Time limit of a case, tried twice; the case then has failed (default: none).",
        ),
    ] = None
    overwrite: Annotated[
        bool,
        Option("--overwrite", help="Remove results of another pipeline or other options in OUT."),
    ] = False


def run(
    terminal: Terminal,
    reading: Reading,
    writing: Writing,
    naming: Naming,
    pipeline: Annotated[str, Argument(help="Preset name, .toml file or record.json.")],
    src: Annotated[list[str], Argument(help="CT: files, folders, patterns or @list.txt.")],
) -> None:
    """Run a pipeline on CT; write volumes, masks, labels, previews and records to a folder."""
    from hounsfield.dataset.output_folder import check_sources

    steps = load_pipeline(pipeline, settings=writing.settings or ())
    if writing.dtype is None and pipeline.endswith(".json"):
        writing = replace(writing, dtype=recorded_dtype(Path(pipeline)))
    check_sources(src, writing.out)
    with using_key(naming.key):
        found, summary = _run(terminal, steps, reading, writing, naming=naming, src=src)
    for note in found.notes:
        terminal.say(f"note: {note}")
    print_summary(terminal, summary, out=writing.out)
    if not summary.is_complete:
        raise Exit(FAILED)


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
    print_missed(terminal, found)
    with about(writing.out), reporting(terminal, found.cases) as report:
        summary = run_dataset(
            config,
            found,
            engine=LocalEngine(
                workers=writing.workers,
                timeout_seconds=writing.timeout,
                in_process=len(found.cases) == 1,  # there is no other case to be kept from it
            ),
            report=report,
            link=link,
            overwrite=writing.overwrite,
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


def _config(pipeline: Pipeline, reading: Reading, writing: Writing, *, count: int) -> RunConfig:
    from hounsfield.dataset.check_labels import check_labels
    from hounsfield.dataset.run_config import RunConfig

    labels = tuple(_label(text) for text in writing.label or ())
    check_labels(pipeline, labels, count=count)
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
