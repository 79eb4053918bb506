"""The help of each verb and the reference of the command line have the same options."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import typer

from hounsfield.cli.main import VERBS, app

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "command-line.md").read_text()

HELP = {"-h", "--help"}
"""The second name is an option of all verbs, which the verbs themselves do not list."""

OPTION = re.compile(r"(?<!\S)--?[a-z][a-z-]*")


def options(verb: str) -> dict[str, Any]:
    """The options of a verb by their names, without those of every verb."""
    command = typer.main.get_command(app([verb])).commands[verb]  # type: ignore[attr-defined]
    context = typer.Context(command)
    return {
        name: option
        for option in command.get_params(context)
        if option.param_type_name == "option"
        for name in option.opts
    }


def section(title: str) -> str:
    """The text of a section of the page."""
    return PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]


def named(cell: str) -> set[str]:
    """The names of the options in the first cell of a row."""
    return {found for code in re.findall(r"`([^`]+)`", cell) for found in OPTION.findall(code)}


def rows(text: str) -> list[list[str]]:
    """The cells of each row of the tables, without the headings."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    table = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    return [row for row in table if any("--" in cell or "`-" in cell for cell in row[:2])]


def documented(verb: str) -> set[str]:
    """The options that the page gives to a verb."""
    found = {name for row in rows(section("Options of every verb")) for name in named(row[0])}
    reading = section("Options for reading")
    if f"`{verb}`" in reading.partition("\n|")[0]:
        found |= {name for row in rows(reading) for name in named(row[0])}
    if verb == "run":
        return found | {name for row in rows(section("`run`")) for name in named(row[0])}
    of: list[str] = []
    for row in rows(section("Other verbs")):
        of = re.findall(r"`([a-z]+)`", row[0]) or of
        found |= named(row[1]) if verb in of else set()
    return found


@pytest.mark.parametrize("verb", VERBS)
def test_help_and_reference_have_the_same_options(verb: str) -> None:
    assert documented(verb) | HELP == set(options(verb)) | HELP


@pytest.mark.parametrize("verb", VERBS)
def test_the_help_of_an_option_names_its_default(verb: str) -> None:
    silent = [
        name
        for name, option in options(verb).items()
        if not (option.required or option.is_flag or option.multiple or name in HELP)
        and option.default is None
        and not re.search(r"default|required", option.help)
        and not re.match(r"(Also|Write|Resample|Label or mask)", option.help)
    ]
    assert silent == []
