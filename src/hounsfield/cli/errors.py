"""What ends a verb early, as one line and an exit status."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

from hounsfield.core.errors import HounsfieldError, PipelineError
from hounsfield.dataset.describe_error import describe_error
from hounsfield.dataset.discover import NoCaseError

FAILED, USAGE, NO_CASE, INTERRUPTED, PIPE_CLOSED, TERMINATED = 1, 2, 3, 130, 141, 143
"""Exit statuses; those of signals are 128 and the signal's number, as shells have it."""


class Failure(Exception):
    """An error that has been put into one line: `text` for the terminal, `public` without any path for JSON."""

    def __init__(self, text: str, *, status: int, code: str = "", public: str = "") -> None:
        super().__init__(text)
        self.text, self.status, self.code, self.public = text, status, code, public or text


class Terminated(BaseException):
    """SIGTERM has come."""


def terminate(signal_number: int, frame: FrameType | None) -> NoReturn:
    """The handler of SIGTERM: unwinds the stack, so that nothing half-written stays."""
    raise Terminated


def as_failure(error: BaseException, *, subject: str = "", status: int | None = None) -> Failure:
    """Any error as a Failure; `subject` is what the user typed."""
    if isinstance(error, Failure):
        return error
    found = describe_error(error)
    text = str(error).replace("\n", " ") if isinstance(error, HounsfieldError) else found.message
    named = not subject or text.startswith(f"{subject}: ")
    return Failure(
        text if named else f"{subject}: {text}",
        status=status_of(error) if status is None else status,
        code=found.code,
        public=found.message,
    )


def status_of(error: BaseException) -> int:
    """The exit status that an error ends a verb with."""
    if isinstance(error, PipelineError):
        return USAGE
    return NO_CASE if isinstance(error, NoCaseError) else FAILED


@contextmanager
def about(subject: str | Path, *, status: int | None = None) -> Iterator[None]:
    """Name what the user typed in front of any error of ours that comes out of the block."""
    try:
        yield
    except HounsfieldError as error:
        raise as_failure(error, subject=str(subject), status=status) from error
