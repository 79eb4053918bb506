"""Parse the command line, run one verb and return its exit status."""

from __future__ import annotations

import os
import sys
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
from hounsfield.core.platform import handling

HELP = """Prepare CT for deep learning: inspect, convert, resample, window, mask and project scans.

Exit status: 0 all done, 1 a case failed or was refused, 2 invalid usage or pipeline,
3 no case found, or a path that does not exist."""

VERBS = (
    "inspect",
    "convert",
    "run",
    "status",
    "verify",
    "diff",
    "plan",
    "presets",
    "windows",
    "planes",
    "montage",
    "histogram",
    "compare",
    "export",
    "fingerprint",
    "restore",
    "audit",
    "demo",
    "info",
)
"""The verbs in the order of the help; each is a function in the module of the same name."""

UsageError = typer.BadParameter.__mro__[1]
"""The base class of all usage errors, which typer does not export."""


def run_line(arguments: Sequence[str]) -> int:
    """Run the command line and return the exit status; no exception leaves it."""
    with _prepared():
        try:
            if "" in arguments:  # the current folder, for a path
                message = "an argument is empty; check that its variable is set"
                raise Failure(message, status=USAGE, code="USAGE")
            status = app(arguments)(
                args=list(arguments), prog_name="hounsfield", standalone_mode=False
            )
            sys.stdout.flush()
            if status == INTERRUPTED:
                error_line("interrupted")
            return status if isinstance(status, int) else 0
        except BaseException as error:
            if "--traceback" in arguments and not isinstance(error, typer.Exit | SystemExit):
                Terminal().trace("".join(traceback.format_exception(error)))
            return _report(error, as_json="--json" in arguments, verb="".join(arguments[:1]))


@contextmanager
def _prepared() -> Iterator[None]:
    """Show only HounsfieldWarnings, escape unencodable characters, raise Terminated on SIGTERM."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    with handling("SIGTERM", terminate), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", HounsfieldWarning)
        warnings.showwarning = _show_warning
        yield


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    Terminal().warn(str(message))


def _report(error: BaseException, *, as_json: bool, verb: str) -> int:
    """Print the error in one line and return the exit status; `run` prints it as an event."""
    status = _requested_status(error)
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
    failure = _usage_failure(error) if isinstance(error, UsageError) else as_failure(error)
    if failure.text:
        error_line(failure.text)
        if as_json:
            found = {"status": failure.status, "code": failure.code, "message": failure.public}
            data = {"schema": 1, "error": found}
            Terminal().event("error", data) if verb == "run" else Terminal().data(data)
    return failure.status


def _requested_status(error: BaseException) -> int | None:
    """Return the status of an Exit; newer versions of typer turn an interrupt into one."""
    if isinstance(error, typer.Exit):
        return int(error.exit_code)
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else 0
    return None


def _usage_failure(error: BaseException) -> Failure:
    context = getattr(error, "ctx", None)
    path = getattr(context, "command_path", "hounsfield")
    message = error.format_message() if hasattr(error, "format_message") else str(error)
    if not message.strip():
        return Failure("", status=USAGE)
    return Failure(f"{message.rstrip('.')} (see {path} --help)", status=USAGE, code="USAGE")


def app(arguments: Sequence[str] = ()) -> typer.Typer:
    """Build the application; with a single verb if `arguments` begin with it, which is faster."""
    line = typer.Typer(
        name="hounsfield",
        help=HELP,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    line.callback(help=HELP)(_top)
    for name in [arguments[0]] if arguments and arguments[0] in VERBS else VERBS:
        add_verb(line, verb(name), name=name)
    return line


def verb(name: str) -> Verb:
    """Import and return the function of a verb."""
    function: Verb = getattr(import_module(f"hounsfield.cli.{name}"), name)
    return function


def _top() -> None:
    """Options of every verb would be handled here."""
