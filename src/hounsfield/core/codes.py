"""The registry of the codes of diagnostics and errors, with their meaning and advice."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from hounsfield.core.diagnostic import Severity

Origin = Literal["dicom", "formats", "labels", "pipeline", "run"]

ORIGINS: dict[Origin, str] = {
    "dicom": "Reading DICOM",
    "formats": "Reading other formats, and values",
    "labels": "Labels",
    "pipeline": "Steps and pipelines",
    "run": "Datasets, command line and errors",
}
"""The origins of codes, in the order of the documentation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """One code: title (one sentence), meaning, what Hounsfield does, advice, and severities.

    The first of `severity` is the usual one.
    """

    name: str
    origin: Origin
    severity: tuple[Severity, ...]
    title: str
    meaning: str
    does: str
    advice: str


@cache
def codes() -> dict[str, Code]:
    """Return all codes by name; the file is read once.

    >>> codes()["GAP"].title
    'Slices are missing.'
    """
    text = Path(__file__).with_suffix(".toml").read_text(encoding="utf-8")
    return {
        name: Code(name=name, **{**row, "severity": tuple(row["severity"])})
        for name, row in tomllib.loads(text).items()
    }
