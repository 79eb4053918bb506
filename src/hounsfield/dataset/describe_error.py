"""Why something failed: a code and one line that holds no path and nothing that a header says."""

from __future__ import annotations

import os
import traceback

from hounsfield.core.errors import HounsfieldError, PipelineError

_PACKAGE = f"{os.sep}hounsfield{os.sep}"


def cause(error: BaseException) -> tuple[str, str]:
    """The code and the line for any error.

    >>> cause(ZeroDivisionError("secret"))[1]
    'internal error (ZeroDivisionError); run again with --traceback'
    """
    if isinstance(error, PipelineError):
        return _codes(error), str(error)
    if isinstance(error, HounsfieldError):
        diagnostics = getattr(error, "diagnostics", ())
        text = (
            "; ".join(diagnostic.message for diagnostic in diagnostics)
            if diagnostics
            else str(error)
        )
        return _codes(error), text.replace("\n", " ")
    if isinstance(error, MemoryError):
        return "MEMORY", "there is not enough memory for this"
    return "INTERNAL", f"internal error ({_place(error)}); run again with --traceback"


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
