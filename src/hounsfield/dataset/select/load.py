"""Load rules from a text or from a TOML file."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import PipelineError
from hounsfield.dataset.select.grammar import parse_rules
from hounsfield.dataset.select.rules import BARE, Rules
from hounsfield.io.bytes.text import read_short_text

SUFFIX = ".toml"

LARGEST_BYTES = 1 << 16
"""The largest file of rules."""

_OPERATORS = ("<=", ">=", "!=", "<", ">", "~")


def load_rules(text: str) -> Rules:
    """Return the rules of a text, or of a file whose name ends with .toml.

    In a file each name has a value, several values, or a text that starts with an operator, such
    as ``thickness_mm = "<=2"``. Raises PipelineError, and ReadError if the file cannot be read.
    """
    if not text.endswith(SUFFIX):
        return parse_rules(text)
    try:
        data = tomllib.loads(read_short_text(Path(text), largest_bytes=LARGEST_BYTES))
    except tomllib.TOMLDecodeError as error:
        raise _error(f"{error}", text) from None
    try:
        return parse_rules(", ".join(_item(name, value, text) for name, value in data.items()))
    except PipelineError as error:
        raise PipelineError([replace(each, where=text) for each in error.diagnostics]) from None


def _item(name: str, value: Any, path: str) -> str:
    values = value if isinstance(value, list) else [value]
    is_plain = all(isinstance(each, str | int | float) for each in values)
    if not is_plain or any(isinstance(each, bool) for each in values):
        raise _error(f"{name}: expected a number, a text or a list of these", path)
    operator = "="
    texts = [str(each) for each in values]
    if len(texts) == 1 and texts[0].startswith(_OPERATORS):
        operator = next(each for each in _OPERATORS if texts[0].startswith(each))
        texts = [texts[0].removeprefix(operator).strip()]
    if any('"' in each for each in texts):
        raise _error(f"{name}: a value has a double quote; remove it", path)
    quoted = (each if BARE.fullmatch(each) else f'"{each}"' for each in texts)
    return f"{name} {operator} {'|'.join(quoted)}"


def _error(message: str, path: str) -> PipelineError:
    return PipelineError(Diagnostic("SELECT", "refusal", message, path))
