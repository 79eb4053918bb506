"""One run of the command line: parse, do, and end with one line and a status where something is wrong."""

from __future__ import annotations

import os
import sys
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from typing import TextIO

import typer

from hounsfield.cli.app import app
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
from hounsfield.cli.terminal import Terminal, error_line
from hounsfield.core.errors import HounsfieldWarning
from hounsfield.core.platform import handling

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
