"""Convert any error to a Diagnostic whose message contains no path and no header text."""

from __future__ import annotations

import errno
import os
import re
import traceback

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import HounsfieldError

_NO_PATH = re.compile(r"step \d+|pipeline|--[a-z]+( [a-z]+)?")
"""Values of `Diagnostic.where` that may be written to a file: a pipeline step or an option."""

_THREAD_ERRORS = ("can't start new thread", "Resource temporarily unavailable")
"""What Python and the C++ library report when no thread can be started."""

_LIMITS = (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE)
"""Errors of the system at its limits: processes, memory, open files."""

_PACKAGE = f"{os.sep}hounsfield{os.sep}"


def describe_error(error: BaseException) -> Diagnostic:
    """Return `error` as a refusal; codes are joined by commas and messages by semicolons.

    Examples
    --------
    >>> describe_error(ZeroDivisionError("secret")).message
    'internal error (ZeroDivisionError); run again with --traceback'
    """
    if isinstance(error, HounsfieldError):
        return Diagnostic(_codes(error), "refusal", _message(error).replace("\n", " "))
    if isinstance(error, MemoryError):
        return Diagnostic(
            "MEMORY", "refusal", "out of memory; use fewer workers or free some memory"
        )
    reason = _exhausted(error)
    if reason:
        return Diagnostic(
            "RESOURCES",
            "refusal",
            f"the system has no more threads, processes or open files ({reason}); use fewer "
            "workers, set HOUNSFIELD_THREADS lower, or raise the limits (ulimit -u, ulimit -n)",
        )
    where = _origin(error)
    message = f"internal error ({where}); run again with --traceback"
    return Diagnostic("INTERNAL", "refusal", message)


def is_short(error: BaseException) -> bool:
    """Return whether an error is for lack of memory, threads or open files, by any of its causes.

    A case that was refused because it would need too much memory is none: it was not tried.

    Examples
    --------
    >>> is_short(MemoryError()), is_short(ValueError())
    (True, False)
    """
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, MemoryError) or _exhausted(seen):
            return True
        seen = seen.__cause__ or seen.__context__
    return False


def _exhausted(error: BaseException) -> str:
    """Return which limit of the system an error reports; '' if none."""
    if isinstance(error, RuntimeError) and str(error) in _THREAD_ERRORS:
        return str(error)
    if isinstance(error, OSError) and error.errno in _LIMITS:
        return os.strerror(error.errno)
    return ""


def _message(error: HounsfieldError) -> str:
    """Join the messages, without paths."""
    return "; ".join(_public(each) for each in error.diagnostics) or str(error)


def where_of(error: BaseException) -> str:
    """Return the file or step that an error is about; it is shown on the terminal only."""
    diagnostics = error.diagnostics if isinstance(error, HounsfieldError) else ()
    return next((each.file_names or each.where for each in diagnostics), "")


def _public(diagnostic: Diagnostic) -> str:
    """Return the message, prefixed with its step or option but never with a path."""
    where = diagnostic.where if _NO_PATH.fullmatch(diagnostic.where) else ""
    return f"{where}: {diagnostic.message}" if where else diagnostic.message


def _codes(error: HounsfieldError) -> str:
    return ",".join(error.codes) or error.code


def _origin(error: BaseException) -> str:
    """Return the class and the source line of an error; its text may contain header text."""
    frames = [
        frame for frame in traceback.extract_tb(error.__traceback__) if _PACKAGE in frame.filename
    ]
    if not frames:
        return type(error).__name__
    file = frames[-1].filename.rpartition(_PACKAGE)[2]
    return f"{type(error).__name__} in {file}, line {frames[-1].lineno}"
