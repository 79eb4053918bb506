"""One run of the command line: parse, do, and end with one line and a status where something is wrong."""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from io import TextIOWrapper
from typing import TextIO

import typer

from hounsfield.cli.errors import (
    INTERRUPTED,
    PIPE_CLOSED,
    TERMINATED,
    USAGE,
    Failure,
    Terminated,
    as_failure,
    terminate,
)
from hounsfield.cli.options import Verb, add_verb
from hounsfield.cli.terminal import Terminal, error_line
from hounsfield.core.errors import HounsfieldWarning

HELP = """CT as it lies on disk into what a network can learn from.

Exit status: 0 all done, 1 a case failed or was refused, 2 usage or an impossible pipeline, 3 no case found."""

VERBS = (
    "inspect",
    "convert",
    "run",
    "plan",
    "presets",
    "windows",
    "planes",
    "montage",
    "histogram",
    "compare",
    "restore",
    "demo",
    "info",
)
"""Every verb, in the order of the help; each has a module of its own name."""

UsageError = typer.BadParameter.__mro__[1]
"""The parent of every error of usage: typer re-exports only its children."""


def run_line(words: Sequence[str]) -> int:
    """Run the command line and return the exit status; nothing is raised."""
    with _prepared():
        try:
            status = app(words)(args=list(words), prog_name="hounsfield", standalone_mode=False)
            sys.stdout.flush()
            if status == INTERRUPTED:
                error_line("interrupted")
            return status if isinstance(status, int) else 0
        except BaseException as error:
            if "--traceback" in words and not isinstance(error, typer.Exit | SystemExit):
                Terminal().trace("".join(traceback.format_exception(error)))
            return _ended(error, as_json="--json" in words)


@contextmanager
def _prepared() -> Iterator[None]:
    """No warning but ours is shown, no letter stops a stream, and SIGTERM unwinds."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    is_main = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGTERM, terminate) if is_main else None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("always", HounsfieldWarning)
            warnings.showwarning = _show_warning
            yield
    finally:
        if before is not None:
            signal.signal(signal.SIGTERM, before)


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    Terminal().warn(str(message))


def _ended(error: BaseException, *, as_json: bool) -> int:
    """Say in one line what ended the verb, and return its status."""
    status = _asked(error)
    if isinstance(error, KeyboardInterrupt | typer.Abort) or status == INTERRUPTED:
        error_line("interrupted")
        return INTERRUPTED
    if status is not None:
        return status
    if isinstance(error, Terminated):
        error_line("terminated")
        return TERMINATED
    if isinstance(error, BrokenPipeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    failure = _usage(error) if isinstance(error, UsageError) else as_failure(error)
    if failure.text:
        error_line(failure.text)
        if as_json:
            Terminal().data(
                {
                    "schema": 1,
                    "error": {
                        "status": failure.status,
                        "code": failure.code,
                        "message": failure.public,
                    },
                }
            )
    return failure.status


def _asked(error: BaseException) -> int | None:
    """The status that an Exit asks for; newer typer makes one of an interrupt, too."""
    if isinstance(error, typer.Exit):
        return int(error.exit_code)
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else 0
    return None


def _usage(error: BaseException) -> Failure:
    context = getattr(error, "ctx", None)
    path = getattr(context, "command_path", "hounsfield")
    message = error.format_message() if hasattr(error, "format_message") else str(error)
    if not message.strip():
        return Failure("", status=USAGE)
    return Failure(f"{message.rstrip('.')} (see {path} --help)", status=USAGE, code="USAGE")


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
    function: Verb = getattr(import_module(f"hounsfield.cli.{name}"), name)
    return function


def _top() -> None:
    """What holds for every verb."""
