"""Describe any error as a Diagnostic whose message holds no path and no text from a header."""

from __future__ import annotations

import os
import traceback

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import HounsfieldError, PipelineError

_PACKAGE = f"{os.sep}hounsfield{os.sep}"


def describe_error(error: BaseException) -> Diagnostic:
    """Return the refusal that `error` is; several codes are joined by commas, several messages by semicolons.

    Examples
    --------
    >>> describe_error(ZeroDivisionError("secret")).message
    'internal error (ZeroDivisionError); run again with --traceback'
    """
    if isinstance(error, HounsfieldError):
        return Diagnostic(_codes(error), "refusal", _message(error).replace("\n", " "))
    if isinstance(error, MemoryError):
        return Diagnostic("MEMORY", "refusal", "there is not enough memory for this")
    where = _place(error)
    message = f"internal error ({where}); run again with --traceback"
    return Diagnostic("INTERNAL", "refusal", message)


def _message(error: HounsfieldError) -> str:
    """The messages alone, since where they arose may be a file; a pipeline's errors say their step."""
    if isinstance(error, PipelineError) or not error.diagnostics:
        return str(error)
    return "; ".join(diagnostic.message for diagnostic in error.diagnostics)


def _codes(error: HounsfieldError) -> str:
    return ",".join(error.codes) or error.code


def _place(error: BaseException) -> str:
    """The class of an error and where in this package it arose; never its text, which may hold what a header says."""
    frames = [
        frame for frame in traceback.extract_tb(error.__traceback__) if _PACKAGE in frame.filename
    ]
    if not frames:
        return type(error).__name__
    return f"{type(error).__name__} in {frames[-1].filename.rpartition(_PACKAGE)[2]}, line {frames[-1].lineno}"
