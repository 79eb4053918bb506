"""A file that cannot be read: which one, its code, and why, apart from one another, since records keep no names."""

from __future__ import annotations

from typing import Any

from hounsfield.core.errors import Problem, ReadError


class BadFileError(ReadError):
    """A ReadError about one file: `where` names it for the terminal; what is written down takes the rest.

    >>> str(BadFileError("a/7.dcm", "pixel data is truncated")), BadFileError("a/7.dcm", "cut").problems[0].message
    ('a/7.dcm: pixel data is truncated', 'cut')
    """

    def __init__(self, where: str, message: str, *, code: str = "UNREADABLE") -> None:
        self.problems = (Problem(where, code, message),)
        self.codes = (code,)
        super().__init__(str(self.problems[0]))

    def __reduce__(self) -> tuple[Any, ...]:
        (problem,) = self.problems
        return (_made, (problem.where, problem.message, problem.kind))


def _made(where: str, message: str, code: str) -> BadFileError:
    return BadFileError(where, message, code=code)
