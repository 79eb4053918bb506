"""All verbs under one command."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

import typer

from hounsfield.cli.verb import Verb, add_verb

HELP = """CT as it lies on disk into what a network can learn from.

Exit status: 0 all done, 1 a case failed or was refused, 2 usage or an impossible pipeline, 3 no case found."""

VERBS: dict[str, str] = {
    "inspect": "inspect",
    "convert": "convert",
    "run": "run",
    "plan": "plan",
    "presets": "presets",
    "windows": "windows",
    "planes": "picture",
    "montage": "picture",
    "histogram": "picture",
    "compare": "compare",
    "restore": "restore",
    "demo": "demo",
    "info": "info",
}
"""Every verb, in the order of the help, and the module of this folder that has it."""


def app(words: Sequence[str] = ()) -> typer.Typer:
    """The whole command line, or where `words` begin with a verb, that verb alone: each one takes time to set up."""
    line = typer.Typer(
        name="hounsfield",
        help=HELP,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    line.callback(help=HELP)(_top)
    for name in [words[0]] if words and words[0] in VERBS else VERBS:
        add_verb(line, verb(name), name=name)
    return line


def verb(name: str) -> Verb:
    """The function of a verb, imported when first asked for."""
    function: Verb = getattr(import_module(f"hounsfield.cli.{VERBS[name]}"), name)
    return function


def _top() -> None:
    """What holds for every verb."""
