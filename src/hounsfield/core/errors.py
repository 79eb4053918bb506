"""The errors and warnings of this package; each error is also a builtin error.

HounsfieldError
├── GeometryError   (ValueError)   an impossible grid, shape or affine
├── ArgumentError   (TypeError)    an argument of the wrong type, or one too many or too few
├── QuantityError   (ValueError)   values of the wrong quantity, such as a label instead of HU
├── PipelineError   (ValueError)   steps that cannot run as written
├── RefusedError    (ValueError)   data that could be read only by guessing
├── ReadError       (OSError)      a file that is truncated, corrupt or of an unknown format
│   └── MissingFileError (FileNotFoundError)   a path that does not exist
├── WriteError      (OSError)      an output that could not be written; no partial file is left
├── MissingExtraError (ImportError) an optional library that is not installed
└── PluginError     (ImportError)  another package's step or format that cannot be used

HounsfieldWarning (UserWarning)   a repair, an assumption or a possible problem
"""

from __future__ import annotations

import os
import re
import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Self

from hounsfield.core.diagnostic import Diagnostic

_URL = re.compile(r"[a-z][a-z0-9+.-]+:/")
"""The start of a URL; pathlib removes one of its two slashes."""

_PACKAGE = str(Path(__file__).parents[1]) + os.sep
"""The folder of this package, whose lines a warning never points at."""


class HounsfieldError(Exception):
    """An error that this package raises on purpose; its text is one line, without a patient's data.

    Parameters
    ----------
    problems
        A message, or the Diagnostic or Diagnostics that explain the error.
    """

    code: ClassVar[str] = "ERROR"
    """The code of an error that is raised with a message alone."""

    def __init__(self, problems: str | Diagnostic | Iterable[Diagnostic]) -> None:
        if isinstance(problems, str):
            problems = Diagnostic(self.code, "refusal", problems)
        self.diagnostics = (problems,) if isinstance(problems, Diagnostic) else tuple(problems)
        super().__init__("; ".join(str(diagnostic) for diagnostic in self.diagnostics))

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self.diagnostics,))

    def located(self, where: str) -> Self:
        """Return the same error about a place; itself if it names one already.

        Parameters
        ----------
        where : str
            What the error is about, such as a file or 'step 2'.

        Returns
        -------
        HounsfieldError
            An error of the same class.
        """
        if any(diagnostic.where for diagnostic in self.diagnostics):
            return self
        first, *others = self.diagnostics or (Diagnostic(self.code, "refusal", str(self)),)
        return type(self)([replace(first, where=where), *others])

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of the diagnostics in order, each once."""
        return tuple(dict.fromkeys(diagnostic.code for diagnostic in self.diagnostics))


class HounsfieldWarning(UserWarning):
    """A repair, an assumption or a possible problem, described by `diagnostic` in one line.

    Python shows the same text from the same line once;
    `warnings.simplefilter("always", HounsfieldWarning)` shows all.
    """

    def __init__(self, problem: str | Diagnostic, about: str = "") -> None:
        if isinstance(problem, str):
            problem = Diagnostic("WARNING", "warning", problem)
        self.diagnostic = problem
        self._about = about
        super().__init__(str(replace(problem, where=problem.where or about)))

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self.diagnostic, self._about))


class ArgumentError(HounsfieldError, TypeError):
    """An argument of the wrong type, or one too many or too few."""

    code = "ARGUMENT"


class GeometryError(HounsfieldError, ValueError):
    """An impossible grid, shape or affine."""

    code = "GEOMETRY"


class QuantityError(HounsfieldError, ValueError):
    """Values of the wrong quantity for what is asked of them."""

    code = "QUANTITY"


class PipelineError(HounsfieldError, ValueError):
    """Steps that cannot run as written."""

    code = "PIPELINE"


class RefusedError(HounsfieldError, ValueError):
    """Data that could be read only by guessing; the message explains how to read it anyway."""

    code = "REFUSED"


class ReadError(HounsfieldError, OSError):
    """A file that is truncated, corrupt or of an unknown format."""

    code = "UNREADABLE"


class MissingFileError(ReadError, FileNotFoundError):
    """A path that does not exist."""

    code = "MISSING_FILE"


class WriteError(HounsfieldError, OSError):
    """An output that could not be written; no partial file is left."""

    code = "WRITE"


class MissingExtraError(HounsfieldError, ImportError):
    """An optional library that is not installed."""

    code = "MISSING_EXTRA"


class PluginError(HounsfieldError, ImportError):
    """A step or format of another package whose name clashes or whose import fails."""

    code = "PLUGIN"


def refused(code: str, message: str, *, where: str = "") -> RefusedError:
    """Return the RefusedError of one diagnostic."""
    return RefusedError(Diagnostic(code, "refusal", message, where))


def unreadable(where: str, message: str, *, code: str = "UNREADABLE") -> ReadError:
    """Return the ReadError of one file, which `where` names on the terminal but not in records."""
    return ReadError(Diagnostic(code, "refusal", message, where))


def missing_file(path: str | Path) -> MissingFileError:
    """Return the error of a path that does not exist; the terminal names it, records do not."""
    message = "no such file or folder"
    if _URL.match(str(path)):
        message = (
            "URLs are read by run, plan, fingerprint, export and status alone; copy the files to "
            "this machine first"
        )
    return MissingFileError(Diagnostic(MissingFileError.code, "refusal", message, str(path)))


def check_path(path: str | Path) -> None:
    """Raise ArgumentError for an empty text, which pathlib takes for the working directory."""
    if path == "":
        raise ArgumentError("the path is empty; expected a file or folder, such as '.'")


@contextmanager
def naming(path: str | Path) -> Iterator[None]:
    """Let every error name the path that it is about, on the terminal but not in records."""
    check_path(path)
    try:
        yield
    except HounsfieldError as error:
        named = error.located(str(path))
        if named is error:
            raise
        raise named.with_traceback(error.__traceback__) from error.__cause__


def warn(problem: str | Diagnostic, *, about: str = "") -> None:
    """Issue a HounsfieldWarning at the line of the user's code that called this package."""
    warnings.warn(HounsfieldWarning(problem, about), stacklevel=_users_level())


def warn_each(diagnostics: Iterable[Diagnostic], *, about: str | os.PathLike[str] = "") -> None:
    """Issue a HounsfieldWarning for each repair and warning among `diagnostics`; not for notes.

    Its text names the path that it is about: else Python would show it once for all paths.
    """
    for diagnostic in diagnostics:
        if diagnostic.severity != "note":
            warn(diagnostic, about=os.fspath(about))


def _users_level() -> int:
    """The number of frames from `warn` to the first one outside of this package."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        level, frame = level + 1, frame.f_back
    return level
