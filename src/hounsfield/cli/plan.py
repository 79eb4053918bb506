"""`hounsfield plan`: print the plan of a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Exit, Option

from hounsfield.cli.errors import FAILED, about
from hounsfield.cli.naming import using_key
from hounsfield.cli.options import Ids, Reading, load_pipeline
from hounsfield.cli.run_labels import print_findings
from hounsfield.cli.run_options import Choosing, Labelling, Limits
from hounsfield.cli.run_report import (
    duration,
    grid_text,
    no_case,
    print_choices,
    print_missed,
    print_warnings,
)
from hounsfield.cli.run_request import request_of
from hounsfield.cli.terminal import Terminal, as_options

if TYPE_CHECKING:
    from hounsfield.dataset.case import CaseSource
    from hounsfield.dataset.discover import Discovery
    from hounsfield.dataset.plan_cases import CasePlan, RunPlan
    from hounsfield.dataset.request import RunRequest
    from hounsfield.pipeline.pipeline import Pipeline

COLUMNS = ("id", "source", "output", "memory", "time", "problem")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanOptions:
    """The options of a run that its plan depends on."""

    labelling: Labelling
    choosing: Choosing
    limits: Limits
    ids: Ids


def plan(
    terminal: Terminal,
    reading: Reading,
    options: PlanOptions,
    pipeline: Annotated[str, Argument(help="Preset name, .toml file or record.json.")],
    src: Annotated[
        list[str], Argument(help="CT: files, folders, data sets, patterns, CSV or @list.txt.")
    ],
    settings: Annotated[
        list[str] | None,
        Option("--set", metavar="STEP.KEY=VALUE", help="Change a parameter of a step; repeatable."),
    ] = None,
) -> None:
    """Print the passes, grids, bytes moved and peak memory of a pipeline; no voxel is read.

    Of several cases a table with the grids, the memory and an estimate of the time. Sources, series
    and labels that a run could not use are listed.
    """
    from hounsfield.dataset.request import find_cases

    request = request_of(
        load_pipeline(pipeline, settings=settings or ()),
        src,
        Path("out"),
        reading=reading,
        ids=options.ids,
        labelling=options.labelling,
        choosing=options.choosing,
        limits=options.limits,
    )
    with using_key(options.ids.key):
        found = find_cases(request)
    print_choices(terminal, found.choices)
    if not found.cases:
        raise no_case(found)
    print_missed(terminal, found)
    print_findings(terminal, found)
    is_one = len(found.cases) == 1 and not (found.missed or found.choices or found.label_table)
    if is_one:
        _print_one(terminal, request.pipeline, found.cases[0], reading)
        return
    planned = _print_all(terminal, request, found)
    refused = 0 if found.label_table is None else found.label_table.refused
    if found.missed or planned.refused or refused:
        raise Exit(FAILED)


def _print_one(terminal: Terminal, steps: Pipeline, case: CaseSource, reading: Reading) -> None:
    from hounsfield.dataset.case import open_case
    from hounsfield.dataset.remote_cases import local_case

    with about(case.typed), local_case(case) as near:
        stack = open_case(near, policy=reading.policy)
        planned = steps.plan(stack)
    terminal.report_all(stack.diagnostics, subject=case.typed)
    if terminal.json:
        found = [each.to_json() for each in stack.diagnostics]
        terminal.data({**planned.to_json(), "diagnostics": found})
    else:
        terminal.text(str(planned))


def _print_all(terminal: Terminal, request: RunRequest, found: Discovery) -> RunPlan:
    from hounsfield.dataset.request import prepare

    with terminal.progress("headers") as progress:
        _, planned = prepare(request, found, progress=progress)
    if terminal.json:
        terminal.data({"schema": 1, **planned.to_json(), **_found_data(found)})
        return planned
    rows = [_row(case) for case in planned.cases]
    terminal.table(COLUMNS, rows, right=("memory", "time"), spare=("source", "problem"))
    workers = f"{planned.workers} worker" + ("s" if planned.workers > 1 else "")
    terminal.say(f"about {duration(planned.seconds)} with {workers}")
    print_warnings(terminal, planned)
    return planned


def _found_data(found: Discovery) -> dict[str, Any]:
    """Return what the search found as plain data, with the keys of the summary of a run."""
    return {
        "missed": [{"code": each.code, "message": each.message} for each in found.missed],
        "unused": [{**each.to_json(), "files": int(each.value or 0)} for each in found.unused],
        **({"selection": [each.to_json() for each in found.choices]} if found.choices else {}),
        "findings": [each.to_json() for each in found.findings],
        "labels": {} if found.label_table is None else found.label_table.to_json(),
    }


def _row(case: CasePlan) -> list[str]:
    problem = f"{case.code}: {case.message}" if case.code else ", ".join(case.warnings)
    problem = as_options(problem)
    if not case.shape:
        return [case.id, "", "", "", "", problem or "known when it is copied"]
    memory = "streamed" if case.is_streamed else f"{case.peak_bytes / 1e6:.0f} MB"
    source = grid_text(case.shape, case.spacing_mm)
    output = grid_text(case.output_shape, case.output_spacing_mm)
    return [case.id, source, output, memory, duration(case.seconds), problem]
