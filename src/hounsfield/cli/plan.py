"""`hounsfield plan`: print the plan of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from hounsfield.cli.errors import about
from hounsfield.cli.options import Reading, load_pipeline
from hounsfield.cli.terminal import Terminal


def plan(
    terminal: Terminal,
    reading: Reading,
    pipeline: Annotated[str, Argument(help="Preset name, .toml file or record.json.")],
    src: Annotated[Path, Argument(readable=False, help="CT: file or folder.")],
    settings: Annotated[
        list[str] | None,
        Option("--set", metavar="STEP.KEY=VALUE", help="Change a parameter of a step; repeatable."),
    ] = None,
) -> None:
    """Print the passes, grids, bytes moved and peak memory of a pipeline; no voxel is read."""
    from hounsfield.io.open import open_stack

    steps = load_pipeline(pipeline, settings=settings or ())
    with about(src):
        stack = open_stack(src, series=reading.series, policy=reading.policy)
        planned = steps.plan(stack)
    terminal.report_all(stack.diagnostics, subject=str(src))
    if terminal.json:
        found = [each.to_json() for each in stack.diagnostics]
        terminal.data({**planned.to_json(), "diagnostics": found})
    else:
        terminal.text(str(planned))
