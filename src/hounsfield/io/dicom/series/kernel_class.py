"""Class a reconstruction kernel as soft, medium or sharp, by the table of its manufacturer."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from hounsfield.io.report import KernelClass


def kernel_class(name: str, manufacturer: str) -> KernelClass:
    """Return the class of a kernel; 'unknown' where the table of its manufacturer lacks it.

    >>> kernel_class("B31f", "SIEMENS"), kernel_class("LUNG", "GE MEDICAL SYSTEMS")
    ('soft', 'sharp')
    >>> kernel_class("B31f", "Acme")
    'unknown'
    """
    table = _table_of(manufacturer.strip().lower())
    return "unknown" if table is None else _class_in(table, name.strip().lower())


def _table_of(manufacturer: str) -> dict[str, Any] | None:
    first = re.split(r"[^a-z]", manufacturer, maxsplit=1)[0]
    found = next((each for each in _tables().values() if each["manufacturer"] == first), None)
    return _tables()[found["like"]] if found is not None and "like" in found else found


@cache
def _tables() -> dict[str, dict[str, Any]]:
    text = Path(__file__).with_name("kernels.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _class_in(table: dict[str, Any], name: str) -> KernelClass:
    for kind, names in table.get("names", {}).items():
        if name in names:
            return kind  # type: ignore[no-any-return]
    found = re.fullmatch(table.get("pattern", "(?!)"), name)
    if found is None or name[0] in table.get("not", ()):
        return "unknown"
    number = int(found[1])
    return next((each["class"] for each in table["number"] if number <= each["to"]), "unknown")
