"""`hounsfield presets`: list the built-in pipelines."""

from __future__ import annotations

import tomllib
from typing import Annotated

from typer import Argument

from hounsfield.cli.errors import about
from hounsfield.cli.terminal import Terminal


def presets(
    terminal: Terminal,
    name: Annotated[
        str | None, Argument(help="Print the TOML of this preset (default: list all presets).")
    ] = None,
) -> None:
    """List the built-in pipelines, or print one as TOML to edit and run."""
    from hounsfield.pipeline.presets import preset_names, preset_text

    if name is not None:
        with about("presets"):
            text = preset_text(name)
        if terminal.json:
            terminal.data({"schema": 1, "name": name, "pipeline": tomllib.loads(text)})
        else:
            terminal.text(text)
        return
    texts = {each: preset_text(each) for each in preset_names()}
    if terminal.json:
        terminal.data(
            {
                "schema": 1,
                "presets": [
                    {"name": each, "about": _about(text), "steps": _steps(text)}
                    for each, text in texts.items()
                ],
            }
        )
        return
    terminal.table(
        ("preset", "output", "steps"),
        [(each, _about(text), " > ".join(_steps(text))) for each, text in texts.items()],
    )


def _about(text: str) -> str:
    """Return the first comment of a preset's file, on one line."""
    lines = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.lstrip("# "))
    return " ".join(lines)


def _steps(text: str) -> list[str]:
    return [row["step"] for row in tomllib.loads(text)["steps"]]
