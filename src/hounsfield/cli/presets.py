"""`hounsfield presets`: the pipelines that ship with the package."""

from __future__ import annotations

import tomllib
from typing import Annotated

from typer import Argument

from hounsfield.cli.errors import about
from hounsfield.cli.terminal import Terminal


def presets(
    terminal: Terminal,
    name: Annotated[str | None, Argument(help="Print the TOML of this preset.")] = None,
) -> None:
    """List the pipelines that ship with the package, or print one as TOML to change and run."""
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
        ("preset", "what it makes", "steps"),
        [(each, _about(text), " > ".join(_steps(text))) for each, text in texts.items()],
    )


def _about(text: str) -> str:
    """The comment that a preset's file begins with, on one line."""
    lines = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.lstrip("# "))
    return " ".join(lines)


def _steps(text: str) -> list[str]:
    return [row["step"] for row in tomllib.loads(text)["steps"]]
