"""Parse a label map: of the command line, of a TOML file, or of plain data."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import PipelineError
from hounsfield.dataset.label_map.label_map import LabelMap, LabelRule
from hounsfield.dataset.label_map.patterns import compiled
from hounsfield.io.bytes.text import read_short_text
from hounsfield.io.dicom.labels.names import PLAIN

LabelMapData = Mapping[str, Any] | str | Path
"""What a label map may be given as: plain data, the text of --labels, or a TOML file."""

LARGEST_BYTES = 1 << 20
"""Largest TOML file; a thousand labels have 100 KB."""

MOST_LABELS = 1024
"""Most labels of a map, as many as segments of a SEG are read."""

_NEXT_NAME = re.compile(r",(?=[^,=(){}\[\]\\]*=)")
"""The comma before the next NAME=; a comma without a name and '=' after it belongs to a pattern."""

_KEYS = ("patterns", "required")


def parse_label_map(given: LabelMapData) -> LabelMap:
    """Parse a label map.

    Text is 'NAME=PATTERN,NAME=PATTERN', or the name of a TOML file. In plain data and TOML each
    name has a pattern, a list of them, or a table with `patterns` and `required`. Raises
    PipelineError (LABEL_MAP) with every problem, and ReadError if a file cannot be read.

    Examples
    --------
    >>> parse_label_map("liver=.*liver.*,tumour=(gtv|tumou?r).*").names
    ('liver', 'tumour')
    """
    if isinstance(given, Mapping):
        return _of_data(given)
    text = str(given)
    is_file = text.endswith(".toml") and ("=" not in text or os.path.isfile(text))
    if isinstance(given, Path) or is_file:
        return _of_data(_toml(Path(given)))
    return _of_text(text)


def _of_text(text: str) -> LabelMap:
    found: dict[str, Any] = {}
    for part in _NEXT_NAME.split(text):
        name, equals, pattern = part.partition("=")
        name = name.strip()
        if not equals:
            raise _invalid([f"'{part[:40]}' has no name; expected NAME=PATTERN or a .toml file"])
        if name in found:
            raise _invalid([f"label '{name}' is given twice; join its patterns with |"])
        found[name] = pattern.lstrip()
    return _of_data(found)


def _toml(path: Path) -> Mapping[str, Any]:
    text = read_short_text(path, largest_bytes=LARGEST_BYTES)
    try:
        data = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise _invalid([f"not TOML ({error})"]) from None
    labels = data.pop("labels", None)
    if data:
        raise _invalid([f"unknown key '{next(iter(data))[:40]}'; expected tables [labels.NAME]"])
    if not isinstance(labels, Mapping):
        raise _invalid(["no table [labels.NAME]; expected one for each label"])
    return labels


def _of_data(data: Mapping[str, Any]) -> LabelMap:
    problems = _names_problems([str(name) for name in data])
    rules = []
    for name, value in data.items():
        try:
            rules.append(_rule(str(name), value))
        except ValueError as error:
            problems.append(f"label '{str(name)[:40]}': {error}")
    if problems:
        raise _invalid(problems)
    return LabelMap(tuple(rules))


def _names_problems(names: Sequence[str]) -> list[str]:
    if not 0 < len(names) <= MOST_LABELS:
        return [f"{len(names)} labels; expected 1 to {MOST_LABELS}"]
    problems = [
        f"invalid label name '{name[:40]}'; expected 1 to 40 letters, digits, _ and -"
        for name in names
        if PLAIN.fullmatch(name) is None
    ]
    lower = [name.lower() for name in names]
    problems += [
        f"labels '{names[lower.index(each)]}' and '{names[n]}' differ in case alone; names of "
        "files must differ in more"
        for n, each in enumerate(lower)
        if lower.index(each) < n
    ]
    return problems


def _rule(name: str, value: Any) -> LabelRule:
    """Return one label; raises ValueError with what is wrong."""
    table = value if isinstance(value, Mapping) else {"patterns": value}
    unknown = [key for key in table if key not in _KEYS]
    if unknown:
        raise ValueError(f"unknown key '{str(unknown[0])[:40]}'; expected {' or '.join(_KEYS)}")
    required = table.get("required", False)
    if not isinstance(required, bool):
        raise ValueError("required is not true or false")
    return LabelRule(name=name, patterns=_patterns(table.get("patterns", ())), required=required)


def _patterns(value: Any) -> tuple[str, ...]:
    patterns = [value] if isinstance(value, str) else value
    if not (isinstance(patterns, Sequence) and all(isinstance(each, str) for each in patterns)):
        raise ValueError("patterns is not a text or a list of texts")
    if not patterns or "" in patterns:
        raise ValueError("a pattern is missing or empty; expected a regular expression")
    for each in patterns:
        try:
            compiled(each)
        except ValueError as error:
            raise ValueError(f"invalid pattern '{each[:80]}': {error}") from None
    return tuple(patterns)


def _invalid(problems: Sequence[str]) -> PipelineError:
    return PipelineError([Diagnostic("LABEL_MAP", "refusal", each) for each in problems])
