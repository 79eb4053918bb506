"""Describe any error as a Diagnostic whose message holds no path and no text from a header."""

from __future__ import annotations

import os
import re
import traceback

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import HounsfieldError

_NO_PATH = re.compile(r"step \d+|pipeline|--[a-z]+( [a-z]+)?")
"""What a diagnostic may be about and still be written down: a step of a pipeline, an option."""

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
    """The messages without the files that they are about."""
    return "; ".join(_public(each) for each in error.diagnostics) or str(error)


def where_of(error: BaseException) -> str:
    """The file or step that an error is about, for the terminal alone."""
    diagnostics = error.diagnostics if isinstance(error, HounsfieldError) else ()
    return next((each.where or each.file_names for each in diagnostics), "")


def _public(diagnostic: Diagnostic) -> str:
    """The message, after the step or the option that it is about, never after a path."""
    where = diagnostic.where if _NO_PATH.fullmatch(diagnostic.where) else ""
    return f"{where}: {diagnostic.message}" if where else diagnostic.message


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
