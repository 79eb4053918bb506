"""Errors of the command line: one line and an exit status each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

from hounsfield.core.errors import HounsfieldError, MissingFileError, PipelineError
from hounsfield.dataset.describe_error import describe_error
from hounsfield.dataset.discover import NoCaseError

FAILED, USAGE, NO_CASE, INTERRUPTED, PIPE_CLOSED, TERMINATED = 1, 2, 3, 130, 141, 143
"""Exit statuses; those of signals are 128 and the signal's number, as in a shell."""


class Failure(Exception):
    """An error in one line: `text` for the terminal, `public` without paths for JSON."""

    def __init__(self, text: str, *, status: int, code: str = "", public: str = "") -> None:
        super().__init__(text)
        self.text, self.status, self.code, self.public = text, status, code, public or text


class Terminated(BaseException):
    """SIGTERM was received."""


def terminate(signal_number: int, frame: FrameType | None) -> NoReturn:
    """Handle SIGTERM by unwinding the stack, so that no partial file is left."""
    raise Terminated


def as_failure(error: BaseException, *, subject: str = "", status: int | None = None) -> Failure:
    """Convert any error to a Failure; `subject` is what the user typed."""
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
    """Return the exit status of an error."""
    if isinstance(error, PipelineError):
        return USAGE
    return NO_CASE if isinstance(error, NoCaseError | MissingFileError) else FAILED


def check_local(*paths: str | Path | None, what: str) -> None:
    """Raise Failure if one of the paths is a URL: it would be a folder of that name."""
    from hounsfield.io.bytes.remote import url_of

    for url in filter(None, (url_of(path) for path in paths if path is not None)):
        message = f"{what} is a URL; expected a path on this machine"
        raise Failure(f"{url}: {message}", status=USAGE, code="USAGE", public=message)


@contextmanager
def about(subject: str | Path, *, status: int | None = None) -> Iterator[None]:
    """Prefix the errors of the block with what the user typed."""
    try:
        yield
    except HounsfieldError as error:
        raise as_failure(error, subject=str(subject), status=status) from error
