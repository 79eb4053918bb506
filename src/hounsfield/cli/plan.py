"""`hounsfield plan`: print the plan of a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from hounsfield.cli.errors import about
from hounsfield.cli.options import Reading, load_pipeline
from hounsfield.cli.run_report import duration, grid_text, no_case
from hounsfield.cli.terminal import Terminal

if TYPE_CHECKING:
    from hounsfield.dataset.case import CaseSource
    from hounsfield.dataset.plan_cases import CasePlan, RunPlan
    from hounsfield.pipeline.pipeline import Pipeline

COLUMNS = ("id", "source", "output", "memory", "time", "problem")


def plan(
    terminal: Terminal,
    reading: Reading,
    pipeline: Annotated[str, Argument(help="Preset name, .toml file or record.json.")],
    src: Annotated[list[str], Argument(help="CT: files, folders, patterns or @list.txt.")],
    settings: Annotated[
        list[str] | None,
        Option("--set", metavar="STEP.KEY=VALUE", help="Change a parameter of a step; repeatable."),
    ] = None,
) -> None:
    """Print the passes, grids, bytes moved and peak memory of a pipeline; no voxel is read.

    Of several cases a table with the grids, the memory and an estimate of the time.
    """
    from hounsfield.dataset.request import RunRequest, find_cases, prepare

    request = RunRequest(
        pipeline=load_pipeline(pipeline, settings=settings or ()),
        sources=tuple(src),
        out=Path("out"),
        policy=reading.policy,
        series=reading.series,
    )
    found = find_cases(request)
    if not found.cases:
        raise no_case(found)
    if len(found.cases) == 1:
        _print_one(terminal, request.pipeline, found.cases[0], reading)
        return
    with terminal.progress("headers") as progress:
        _, planned = prepare(request, found, progress=progress)
    _print_all(terminal, planned)


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


def _print_all(terminal: Terminal, planned: RunPlan) -> None:
    if terminal.json:
        terminal.data({"schema": 1, **planned.to_json()})
        return
    rows = [_row(case) for case in planned.cases]
    terminal.table(COLUMNS, rows, right=("memory", "time"), spare=("source", "problem"))
    workers = f"{planned.workers} worker" + ("s" if planned.workers > 1 else "")
    terminal.say(f"about {duration(planned.seconds)} with {workers}")


def _row(case: CasePlan) -> list[str]:
    problem = f"{case.code}: {case.message}" if case.code else ", ".join(case.warnings)
    if not case.shape:
        return [case.id, "", "", "", "", problem or "known when it is copied"]
    memory = "streamed" if case.is_streamed else f"{case.peak_bytes / 1e6:.0f} MB"
    source = grid_text(case.shape, case.spacing_mm)
    output = grid_text(case.output_shape, case.output_spacing_mm)
    return [case.id, source, output, memory, duration(case.seconds), problem]
