"""`hounsfield plan`: what a run will do."""

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
    pipeline: Annotated[str, Argument(help="A preset's name, a .toml file or a record.json.")],
    src: Annotated[Path, Argument(readable=False, help="A CT: file or folder.")],
    settings: Annotated[
        list[str] | None, Option("--set", metavar="STEP.KEY=VALUE", help="Change a step.")
    ] = None,
) -> None:
    """Say what a pipeline will do to a scan: its passes, grids, bytes moved and memory; no voxel is touched."""
    from hounsfield.io.open import open_stack

    steps = load_pipeline(pipeline, settings=settings or ())
    with about(src):
        answer = steps.plan(open_stack(src, series=reading.series, policy=reading.policy))
    if terminal.json:
        terminal.data(answer.to_json())
    else:
        terminal.text(str(answer))
