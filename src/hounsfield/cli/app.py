"""All verbs under one command."""

from __future__ import annotations

import typer

from hounsfield.cli.compare import compare
from hounsfield.cli.convert import convert
from hounsfield.cli.demo import demo
from hounsfield.cli.info import info
from hounsfield.cli.inspect import inspect
from hounsfield.cli.picture import histogram, montage, planes
from hounsfield.cli.plan import plan
from hounsfield.cli.presets import presets
from hounsfield.cli.restore import restore
from hounsfield.cli.run import run
from hounsfield.cli.verb import Verb, add_verb
from hounsfield.cli.windows import windows

HELP = """CT as it lies on disk into what a network can learn from.

Exit status: 0 all done, 1 a case failed or was refused, 2 usage or an impossible pipeline, 3 no case found."""

VERBS: dict[str, Verb] = {"inspect": inspect, "convert": convert, "run": run, "plan": plan, "presets": presets,
                          "windows": windows, "planes": planes, "montage": montage, "histogram": histogram,
                          "compare": compare, "restore": restore, "demo": demo, "info": info}


def app() -> typer.Typer:
    """The whole command line."""
    line = typer.Typer(name="hounsfield", help=HELP, no_args_is_help=True, pretty_exceptions_enable=False,
                       context_settings={"help_option_names": ["-h", "--help"]})
    line.callback(help=HELP)(_top)
    for name, function in VERBS.items():
        add_verb(line, function, name=name)
    return line


def _top() -> None:
    """What holds for every verb."""
