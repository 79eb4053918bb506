"""Give each case its points: those of one file for all cases, and those of a file of its own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import astuple, replace
from pathlib import Path

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.display import counted
from hounsfield.core.errors import PipelineError
from hounsfield.core.points import Point
from hounsfield.dataset.case import CaseSource
from hounsfield.dataset.points.read import Frame, read_points

IDS_NAMED = 3
"""Unknown ids that a warning names on the terminal."""


def with_points(
    cases: Sequence[CaseSource], path: Path | None, *, frame: Frame | None
) -> tuple[tuple[CaseSource, ...], tuple[Diagnostic, ...]]:
    """Return the cases with the points of one file for all, and a warning for unknown ids.

    Raises PipelineError if the file or its frame is invalid, ReadError if it cannot be read.
    """
    has_points = path is not None or any(case.points is not None for case in cases)
    if has_points and frame is None:
        raise _usage("points need a frame; expected --frame ras or --frame lps")
    if path is None or frame is None:
        return tuple(cases), ()
    rows = read_points(path, frame=frame)
    by_id: dict[str, list[Point]] = {}
    for case_id, point in rows:
        by_id.setdefault(case_id, []).append(point)
    if "" in by_id:
        raise _usage("a point has no case id; expected a column id, filled in every row")
    known = {case.id for case in cases}
    found = tuple(replace(case, landmarks=tuple(by_id.get(case.id, ()))) for case in cases)
    return found, _unknown({name: len(of) for name, of in by_id.items() if name not in known})


def points_of(case: CaseSource, *, frame: Frame | None) -> tuple[Point, ...]:
    """Return the points of a case: those of the file for all cases, then those of its own file.

    Raises PipelineError if a row of its file is invalid or of another case.
    """
    if case.points is None or frame is None:
        return case.landmarks
    rows = read_points(case.points, frame=frame)
    others = [case_id for case_id, _ in rows if case_id not in ("", case.id)]
    if others:
        text = f"{counted(len(others), 'row')} of the case's own file of points with another id"
        raise PipelineError([Diagnostic("POINTS", "refusal", f"{text}; expected its id or none")])
    return (*case.landmarks, *(point for _, point in rows))


def digest_of(points: Sequence[Point]) -> str:
    """Return the sha256 of points in RAS+ mm, which a changed frame changes."""
    return hashlib.sha256(json.dumps([astuple(each) for each in points]).encode()).hexdigest()


def _unknown(counts: dict[str, int]) -> tuple[Diagnostic, ...]:
    if not counts:
        return ()
    total = sum(counts.values())
    verb = "is" if total == 1 else "are"
    message = f"{counted(total, 'point')} {verb} of {counted(len(counts), 'unknown case')}; ignored"
    names = tuple(enumerate(sorted(counts)))
    return (Diagnostic("POINTS_WITHOUT_CASE", "warning", message, files=names, value=float(total)),)


def _usage(message: str) -> PipelineError:
    return PipelineError([Diagnostic("USAGE", "refusal", message)])
