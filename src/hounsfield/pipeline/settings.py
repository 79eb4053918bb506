"""Change parameters of a pipeline's steps, as `preset(settings=...)` and the option --set do."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from os import PathLike
from typing import Any

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import PipelineError

Settings = Mapping[str, Any]
"""Values by 'STEP.KEY', such as {"Resample.spacing_mm": 2}; STEP is a name or a number from 1."""

NO_SETTINGS: Settings = {}

FILES = "pipeline"
"""What stands for STEP where KEY is a file that the pipeline takes numbers from."""


def parse_settings(texts: Iterable[str]) -> dict[str, Any]:
    """Return the settings of texts such as 'Resample.spacing_mm=2', with values as TOML reads them.

    Examples
    --------
    >>> parse_settings(["Resample.spacing_mm=[1, 1, 3]", "Resample.method=linear"])
    {'Resample.spacing_mm': [1, 1, 3], 'Resample.method': 'linear'}
    """
    settings: dict[str, Any] = {}
    for text in texts:
        target, equals, value = text.partition("=")
        if not equals or not all(_split(target)):
            message = (
                f"'{text}' is not a setting; expected STEP.KEY=VALUE, such as Resample.spacing_mm=2"
            )
            raise PipelineError(Diagnostic("SYNTAX", "refusal", message, "settings"))
        settings.pop(target, None)  # the last one is applied last
        settings[target] = value if _split(target)[0] == FILES else _value(value)
    return settings


def apply_settings(
    rows: list[dict[str, Any]], settings: Settings
) -> tuple[dict[str, str | PathLike[str]], list[Diagnostic]]:
    """Put settings into the rows of a pipeline; return files by parameter, and errors."""
    files: dict[str, str | PathLike[str]] = {}
    diagnostics: list[Diagnostic] = []
    for target, value in settings.items():
        step, key = _split(target)
        if not step or not key:
            message = f"'{target}' is not a setting; expected STEP.KEY, such as Resample.spacing_mm"
            diagnostics.append(Diagnostic("SYNTAX", "refusal", message, "settings"))
        elif step == FILES and isinstance(value, str | PathLike):
            files[key] = value
        elif step == FILES:
            message = f"{target} is {type(value).__name__}; expected the path of a file"
            diagnostics.append(Diagnostic("VALUE", "refusal", message, "settings"))
        else:
            diagnostics += _change(rows, step, key, value)
    return files, diagnostics


def _change(rows: list[dict[str, Any]], step: str, key: str, value: Any) -> list[Diagnostic]:
    """Set one key of every step of that name or number."""
    found = [row for n, row in enumerate(rows, 1) if step in (row.get("step"), str(n))]
    for row in found:
        row[key] = value
    if found:
        return []
    names = ", ".join(str(row.get("step")) for row in rows)
    message = f"the pipeline has no step '{step}'; available: {names}"
    return [Diagnostic("UNKNOWN_STEP", "refusal", message, "settings")]


def _split(target: str) -> tuple[str, str]:
    step, _, key = target.partition(".")
    return step, key


def _value(text: str) -> Any:
    """A value as TOML reads it; a bare word is a string."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
