"""Case ids: the stem of the file if it is a safe file name, else a keyed hash."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import PipelineError
from hounsfield.dataset.case import CaseSource
from hounsfield.io.formats import without_suffix

Ids = Literal["auto", "stem", "hash"]

PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
"""Stems that are safe as folder names on every system and need no quoting in a shell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A case before its id is assigned; `series_id` is the id of a DICOM series, else None."""

    path: Path
    typed: str
    series_id: str | None = None
    files: tuple[str, ...] = ()


def named(found: Sequence[Found], *, ids: Ids = "auto") -> list[CaseSource]:
    """Assign a unique id to each case; duplicates of a case are dropped.

    auto: the stem of a file if it matches PLAIN and is unique; the series id for DICOM; else a hash
    of the file's path under the user's key. hash: never a stem. stem: always a stem; raises
    PipelineError if a stem does not match PLAIN or is not unique.
    """
    once = list({(os.path.realpath(item.path), item.series_id): item for item in found}.values())
    stems = [stem(item) for item in once]
    counts = Counter(name.lower() for name in stems)
    if ids == "stem":
        _check_stems(stems, counts)
    result = []
    for item, name in zip(once, stems, strict=True):
        unique = counts[name.lower()] == 1 and PLAIN.fullmatch(name) is not None
        if ids == "stem" or (ids == "auto" and item.series_id is None and unique):
            chosen = name
        else:
            chosen = item.series_id or _hashed(item.path)
        result.append(
            CaseSource(
                id=chosen, path=item.path, series=item.series_id, files=item.files, typed=item.typed
            )
        )
    return _with_unique_ids(result)


def stem(item: Found) -> str:
    """Return the name of a file or folder without its suffix."""
    name = item.path.name
    if item.path.is_dir():
        return name
    shorter = without_suffix(name)
    return item.path.stem if shorter == name else shorter


def _hashed(path: Path) -> str:
    from hounsfield.io.bytes.case_id import case_id

    return case_id(f"file:{os.path.realpath(path)}")


def _check_stems(stems: Sequence[str], counts: Counter[str]) -> None:
    diagnostics = [
        Diagnostic(
            "NOT_PLAIN",
            "refusal",
            "a name is not 1 to 40 letters, digits, _ or -; use --ids auto or hash",
            where="--ids stem",
        )
        for name in stems
        if PLAIN.fullmatch(name) is None
    ]
    diagnostics += [
        Diagnostic(
            "NOT_UNIQUE",
            "refusal",
            f"{count} cases share one name; use --ids auto or hash",
            where="--ids stem",
        )
        for count in counts.values()
        if count > 1
    ]
    if diagnostics:
        raise PipelineError(list(dict.fromkeys(diagnostics)))


def _with_unique_ids(cases: Sequence[CaseSource]) -> list[CaseSource]:
    """Replace the ids of copies of a series by hashes of their paths."""
    counts = Counter(case.id for case in cases)
    return [
        case if counts[case.id] == 1 else replace(case, id=_hashed_series(case)) for case in cases
    ]


def _hashed_series(case: CaseSource) -> str:
    from hounsfield.io.bytes.case_id import case_id

    return case_id(f"file:{os.path.realpath(case.path)}/{case.series}")
