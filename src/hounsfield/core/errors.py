"""What can go wrong, as few classes, each also the builtin that a caller would guess.

    HounsfieldError
    ├── GeometryError   (ValueError)   a grid, a shape or an affine that cannot be
    ├── QuantityError   (ValueError)   HU asked of what is not HU, a label where an image is wanted
    ├── PipelineError   (ValueError)   steps that cannot be run as written; carries every Problem
    ├── RefusedError    (ValueError)   data that could be read only by guessing; carries its codes
    ├── ReadError       (OSError)      a file that is missing, truncated, corrupt or of no known kind
    ├── WriteError      (OSError)      an output that could not be written; nothing half-written is left
    └── MissingExtraError (ImportError) an optional library that is not installed

    HounsfieldWarning (UserWarning)   what is in doubt and yet was done
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong or was repaired: where it is, of what kind (a code or a word), and a sentence about it.

    Letters that a terminal might obey become '?'.

    >>> str(Problem("step 2", "unknown-key", "Resample has no 'spacing'; did you mean spacing_mm?"))
    "step 2: Resample has no 'spacing'; did you mean spacing_mm?"
    """

    where: str
    kind: str
    message: str

    def __post_init__(self) -> None:
        for name in ("where", "kind", "message"):
            text = getattr(self, name)
            if not text.isprintable():  # an escape, a newline or a direction mark out of a file
                object.__setattr__(self, name, "".join(letter if letter.isprintable() else "?" for letter in text))

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message


class HounsfieldError(Exception):
    """Everything that this package raises on purpose; its text is one clear line, without a patient's data."""


class HounsfieldWarning(UserWarning):
    """Something that is in doubt, and that was done nevertheless; its text is one clear line."""


class GeometryError(HounsfieldError, ValueError):
    """A grid, a shape or an affine that cannot be."""


class QuantityError(HounsfieldError, ValueError):
    """Values of the wrong quantity for what is asked of them."""


class _Gathered(HounsfieldError):
    """An error that gathers several problems before it is raised once."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(str(problem) for problem in self.problems))

    def __reduce__(self) -> tuple[type[_Gathered], tuple[tuple[Problem, ...]]]:
        return (type(self), (self.problems,))

    @property
    def codes(self) -> tuple[str, ...]:
        """The kinds of the problems, in order, each once."""
        return tuple(dict.fromkeys(problem.kind for problem in self.problems))


class PipelineError(_Gathered, ValueError):
    """Steps that cannot be run as written."""


class RefusedError(_Gathered, ValueError):
    """Data that could be read only by guessing: the codes say why, the message how to force it."""


class ReadError(HounsfieldError, OSError):
    """A file that is missing, truncated, corrupt or of no known kind."""


class WriteError(HounsfieldError, OSError):
    """An output that could not be written."""


class MissingExtraError(HounsfieldError, ImportError):
    """An optional library that is not installed."""
