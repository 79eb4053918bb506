"""Fill values such as '$fingerprint.mean' of a pipeline from the file of that parameter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import HounsfieldError
from hounsfield.pipeline.fingerprint import read_fingerprint

Row = dict[str, Any]
"""A step as plain data."""


def is_parameter(value: object) -> bool:
    """Return whether a value stands for a parameter, such as '$fingerprint.mean'.

    >>> is_parameter("$fingerprint.mean"), is_parameter("brain")
    (True, False)
    """
    return isinstance(value, str) and value.startswith("$")


def fill_parameters(
    rows: list[Row], declared: Any, given: Mapping[str, str | PathLike[str]]
) -> list[Diagnostic]:
    """Replace the parameters in `rows` by values of the files `given`; return what is wrong.

    `declared` is the table of parameters of the pipeline: what each is, by name.
    """
    if not isinstance(declared, Mapping):
        message = f"parameters is {declared!r}; expected a table of names and descriptions"
        return [Diagnostic("SYNTAX", "refusal", message, "pipeline")]
    return [*_unknown(declared, given), *_undeclared(rows, declared), *_fill(rows, declared, given)]


def _unknown(
    declared: Mapping[str, Any], given: Mapping[str, str | PathLike[str]]
) -> Iterator[Diagnostic]:
    """Report files for parameters that the pipeline does not have."""
    names = ", ".join(declared) or "none"
    for key in given:
        if key not in declared:
            message = f"the pipeline has no parameter '{key}'; available: {names}"
            yield Diagnostic("UNKNOWN_KEY", "refusal", message, "settings")


def _undeclared(rows: list[Row], declared: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """Report parameters in steps that the table of parameters does not have."""
    names = ", ".join(declared) or "none"
    for number, row in enumerate(rows, 1):
        for key, value in row.items():
            if is_parameter(value) and _name_of(value) not in declared:
                message = f"{key} is '{value}', an undeclared parameter; declared: {names}"
                yield Diagnostic("UNKNOWN_KEY", "refusal", message, where=f"step {number}")


def _fill(
    rows: list[Row], declared: Mapping[str, Any], given: Mapping[str, str | PathLike[str]]
) -> Iterator[Diagnostic]:
    """Replace the values, and report missing files, unreadable files and unknown keys."""
    for name, meaning in declared.items():
        if name not in given:
            key = f"pipeline.{name}"
            message = f"missing {meaning}; use settings={{'{key}': FILE}} or --set {key}=FILE"
            yield Diagnostic("MISSING_PARAMETER", "refusal", message, "pipeline")
            continue
        try:
            found = read_fingerprint(Path(given[name]))
        except HounsfieldError as error:
            yield from (replace(each, where=each.where or "settings") for each in error.diagnostics)
            continue
        yield from _replace(rows, name, found)


def _replace(rows: list[Row], name: str, found: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """Put the values of one parameter into the rows, and report keys that it does not have."""
    for number, row in enumerate(rows, 1):
        for key, value in row.items():
            if not is_parameter(value) or _name_of(value) != name:
                continue
            wanted = str(value).partition(".")[2]
            if wanted in found:
                row[key] = found[wanted]
                continue
            message = f"{key} is '{value}'; expected one of ${name}.{{{', '.join(found)}}}"
            yield Diagnostic("UNKNOWN_KEY", "refusal", message, where=f"step {number}")


def _name_of(value: str) -> str:
    """The name of the parameter, which stands between '$' and the first '.'."""
    return value.removeprefix("$").partition(".")[0]
