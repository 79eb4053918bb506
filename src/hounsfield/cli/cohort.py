"""The cases of `export` and `fingerprint`: the outputs of a run, or scans that are run first."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Option

from hounsfield.cli.errors import USAGE, Failure, about
from hounsfield.cli.naming import using_key
from hounsfield.cli.options import Naming, Reading, load_pipeline
from hounsfield.cli.run import _run
from hounsfield.cli.run_options import Choosing, Execution, Labelling
from hounsfield.cli.run_request import only_of, request_of
from hounsfield.cli.terminal import Terminal

if TYPE_CHECKING:
    from hounsfield.dataset.case import NoCase
    from hounsfield.dataset.export.cohort import Cohort
    from hounsfield.dataset.export.patients import Assignment
    from hounsfield.dataset.request import RunRequest
    from hounsfield.dataset.summary import Summary
    from hounsfield.pipeline.pipeline import Pipeline

NATURAL_DTYPE = "int16"
"""The dtype of scans without a pipeline: HU are whole numbers of at most 16 bits, but for tilted
scans, which are interpolated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Making:
    """How the images are made of scans."""

    pipeline: Annotated[
        str | None,
        Option(
            metavar="PIPELINE",
            help="Preset name, .toml file or record.json (default: the scan's own grid, in HU).",
        ),
    ] = None
    settings: Annotated[
        list[str] | None,
        Option("--set", metavar="STEP.KEY=VALUE", help="Change a parameter of a step; repeatable."),
    ] = None
    overwrite: Annotated[
        bool, Option("--overwrite", help="Remove cases of another pipeline or of other options.")
    ] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """The options that a run has in common with `run`."""

    reading: Reading
    labelling: Labelling
    choosing: Choosing
    execution: Execution
    naming: Naming


def make_cohort(
    terminal: Terminal,
    src: Sequence[str],
    staging: Path,
    making: Making,
    options: RunOptions,
    *,
    patients: Path | None = None,
) -> tuple[Cohort, tuple[str, ...]]:
    """Return the cases, and the names of labels in the order that wins an overlap.

    Scans are run into the folder `staging`, where a later call goes on.
    """
    from hounsfield.dataset.export.cohort import cohort_of_run

    assigned = _assigned(patients)
    if _is_run(src):
        return _of_run(Path(src[0]), staging, making, options, assigned)
    request = _request(src, staging, making, options)
    with using_key(options.naming.key):
        found, summary = _run(
            replace(terminal, json=False),
            request,
            options.execution,
            options.naming,
            overwrite=making.overwrite,
        )
    for note in found.notes:
        terminal.say(f"note: {note}")
    done = [case.id for case in summary.cases if case.status in ("done", "skipped")]
    cohort = cohort_of_run(staging, done, sources=found.cases, assigned=assigned)
    failed = (*cohort.failed, *_failed(summary))
    named = () if request.label_map is None else request.label_map.names
    order = (*named, *(name for name, _ in request.labels))
    return replace(cohort, failed=failed, unreadable=summary.counts["unreadable"]), order


def _assigned(patients: Path | None) -> Mapping[str, Assignment]:
    from hounsfield.dataset.export.patients import read_patients

    if patients is None:
        return {}
    with about(patients):
        return read_patients(patients)


def _is_run(src: Sequence[str]) -> bool:
    from hounsfield.io.bytes.search import OUTPUT_MARK

    return len(src) == 1 and os.path.isfile(os.path.join(src[0], OUTPUT_MARK))


def _of_run(
    out: Path,
    staging: Path,
    making: Making,
    options: RunOptions,
    assigned: Mapping[str, Assignment],
) -> tuple[Cohort, tuple[str, ...]]:
    """Return the cases of a run that are done, and its labels in the order that wins an overlap.

    Cases that failed or are stale are listed.
    """
    from hounsfield.dataset.case import NoCase
    from hounsfield.dataset.export.cohort import cohort_of_run
    from hounsfield.dataset.export.patients import assigned_by, label_order
    from hounsfield.dataset.status import read_status

    if making.pipeline or making.settings or options.labelling != Labelling():
        message = "the source is the output of a run; --pipeline, --set and labels are for scans"
        raise Failure(message, status=USAGE, code="USAGE")
    if _is_run([str(staging)]):
        message = "the folder has a data set made of scans; use another folder"
        raise Failure(f"{staging.parent}: {message}", status=USAGE, code="USAGE", public=message)
    with about(out):
        found = read_status(out).cases
        done = [case.id for case in found if case.status == "done"]
        cohort = cohort_of_run(out, done, assigned={**assigned_by(out), **assigned})
        order = label_order(out)
    failed = [
        NoCase(typed=case.id, code=case.code, message=case.message)
        for case in found
        if case.status != "done"
    ]
    return replace(cohort, failed=(*cohort.failed, *failed), is_run=True), order


def _failed(summary: Summary) -> tuple[NoCase, ...]:
    """Return the cases of a run that failed, and the sources without a case."""
    from hounsfield.dataset.case import NoCase

    failed = [case for case in summary.cases if case.status == "failed"]
    return (
        *(NoCase(typed=case.id, code=case.code, message=case.message) for case in failed),
        *(replace(one, typed=f"source {n}") for n, one in enumerate(summary.missed)),
    )


def _request(src: Sequence[str], staging: Path, making: Making, options: RunOptions) -> RunRequest:
    """Return the run that makes the cases of scans."""
    from hounsfield.dataset.output_folder import check_sources

    check_sources(src, staging.parent)
    staging.mkdir(parents=True, exist_ok=True)
    request = request_of(
        _pipeline(making),
        src,
        staging,
        reading=options.reading,
        ids=options.naming,
        labelling=options.labelling,
        choosing=options.choosing,
        limits=options.execution,
    )
    dtype = NATURAL_DTYPE if making.pipeline is None else None
    return replace(request, dtype=dtype, only=only_of(options.execution.only))


def _pipeline(making: Making) -> Pipeline:
    from hounsfield.pipeline.pipeline import Pipeline

    if making.pipeline is None:
        return Pipeline([], name="natural")
    return load_pipeline(making.pipeline, settings=making.settings or ())
