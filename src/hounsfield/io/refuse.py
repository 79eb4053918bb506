"""Refuse data that could be read only by guessing, with a code that docs and records name."""

from __future__ import annotations

from hounsfield.core.errors import Problem, RefusedError


def refused(code: str, message: str) -> RefusedError:
    """The RefusedError of one problem with the file itself."""
    return RefusedError([Problem("", code, message)])


def said(code: str, message: str) -> Problem:
    """What was repaired, chosen or assumed while reading the file itself."""
    return Problem("", code, message)
