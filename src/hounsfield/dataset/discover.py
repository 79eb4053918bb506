"""Find cases in sources: image files by suffix, DICOM by content, tables and data sets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.display import counted
from hounsfield.core.errors import HounsfieldError, ReadError
from hounsfield.core.policy import DEFAULT_POLICY, ReadPolicy
from hounsfield.dataset.case import CaseSource, NoCase
from hounsfield.dataset.case_ids import Found, check_ids, named
from hounsfield.dataset.case_names import stem
from hounsfield.dataset.label_map.table import LabelTable
from hounsfield.dataset.label_search import add_labels, labels_left_out, search_labels
from hounsfield.dataset.layouts.entry import Contents, Entry
from hounsfield.dataset.layouts.recognize import read_layout
from hounsfield.dataset.search import Search, no_case, search_path
from hounsfield.dataset.series_cases import OTHER_SERIES, series_cases
from hounsfield.dataset.sources import expand_sources
from hounsfield.dataset.unused import merged

if TYPE_CHECKING:
    from hounsfield.dataset.select.choose import Choice
    from hounsfield.dataset.select.rules import Rules


class NoCaseError(ReadError):
    """No source contains a case."""

    code = "NO_CASE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovery:
    """The cases, sorted by id, the sources without a case, and notes for the terminal."""

    cases: tuple[CaseSource, ...]
    missed: tuple[NoCase, ...] = ()
    notes: tuple[str, ...] = ()
    unused: tuple[Diagnostic, ...] = ()
    """DICOM files that are no case, by code."""
    choices: tuple[Choice, ...] = ()
    """What a selection chose and rejected, by study."""
    findings: tuple[Diagnostic, ...] = ()
    """Warnings about labels and points of all cases; their files are for the terminal alone."""
    label_table: LabelTable | None = None
    """What the label map finds in all cases."""
    rejected: int = 0
    unlisted: int = 0
    is_part: bool = False
    """Whether a list has chosen the cases; it has left out `rejected` and `unlisted` others."""


def discover(
    sources: Sequence[str],
    *,
    ids: str = "auto",
    series: str | None = None,
    find_labels: bool = True,
    select: Rules | None = None,
    policy: ReadPolicy = DEFAULT_POLICY,
) -> Discovery:
    """Find the cases in the sources as the user typed them.

    `series` selects a DICOM series by its id or its number in each source; where a source has no
    DICOM, a volume of a 4-D file. With `find_labels` RTSTRUCT and SEG objects are the labels of the
    series that they refer to. `select` chooses one series of each study, as read under `policy`;
    studies without one are missed. Ids are described in `named`. Raises ReadError if a list cannot
    be read, PipelineError if an id cannot be used.
    """
    check_ids(ids)
    search = Search(series)
    found = [*_search_all(search, expand_sources(sources))]
    found = [*search.images, *series_cases(search.scanned), *found]
    choices: tuple[Choice, ...] = ()
    if select is not None:
        found, choices = _selected(search, found, rules=select, policy=policy, ids=ids)
    found, labels = _with_labels(search, found, find_labels=find_labels)
    found = _one_for_each_row(search, found)
    missed = [one for one in search.missed if one.code != OTHER_SERIES or not found]
    cases = named(found, ids=ids)
    notes = [*search.notes, *(_names_note(cases) if ids == "auto" else ())]
    if search.unselected:
        notes.append(f"{counted(search.unselected, 'image file')} not selected by --series")
    if series is not None:
        cases = [replace(case, series=case.series or series) for case in cases]
    return Discovery(
        cases=tuple(sorted(cases, key=lambda case: case.id)),
        missed=tuple(missed),
        notes=tuple(notes),
        unused=merged([*search.unused, *labels]),
        choices=choices,
    )


def _search_all(search: Search, sources: Sequence[str]) -> Iterator[Found]:
    """Search the sources; yield the cases of tables and data sets."""
    waiting = [(Path(source), source) for source in sources]
    for path, typed in waiting:
        try:
            contents = read_layout(path, typed)
            if contents is None:
                search_path(search, path, typed)
                waiting += search.layouts
                search.layouts = []
            else:
                yield from _of_contents(search, contents)
        except HounsfieldError as error:
            search.missed.append(no_case(typed, error))


def _of_contents(search: Search, contents: Contents) -> Iterator[Found]:
    search.notes += contents.notes
    search.missed += contents.problems
    for entry in contents.entries:
        try:
            yield from _of_entry(search, entry)
        except HounsfieldError as error:
            search.missed.append(no_case(entry.typed, error, where=entry.where))


def _of_entry(search: Search, entry: Entry) -> Iterator[Found]:
    """Yield the cases of an image of a table or data set, one for each series."""
    own = Search(search.series)
    search_path(own, entry.path, entry.typed)
    search.missed += [replace(one, where=entry.where or one.where) for one in own.missed]
    if own.layouts:
        message = "the image is a folder with a data set; name the data set as a source"
        search.missed.append(
            NoCase(typed=entry.typed, code="BAD_ROW", message=message, where=entry.where)
        )
    search.unused += own.unused
    search.scans += own.scans
    for item in (*own.images, *series_cases(own.scanned)):
        yield replace(
            item,
            given=entry.id,
            row=f"{entry.typed} ({entry.where})" if entry.where else entry.typed,
            labels=entry.labels,
            points=entry.points,
            patient=entry.patient or item.patient,
            split=entry.split,
        )


def _selected(
    search: Search, found: list[Found], *, rules: Rules, policy: ReadPolicy, ids: str
) -> tuple[list[Found], tuple[Choice, ...]]:
    from hounsfield.dataset.selection import select

    selection = select(found, rules, policy=policy, ids=ids)
    search.missed += selection.missed
    return list(selection.found), selection.choices


def _with_labels(
    search: Search, found: list[Found], *, find_labels: bool
) -> tuple[list[Found], list[Diagnostic]]:
    """Return the cases with the labels that refer to them; a source of used labels is no miss."""
    if not find_labels:
        return found, list(labels_left_out(search.scans))
    labels = search_labels(search.scans)
    labelled = add_labels(found, labels, search.scans)
    search.missed = [
        one for one in search.missed if one.code != "NO_CT" or one.typed not in labelled.used
    ]
    search.missed += [*labels.broken, *labelled.missed]
    return labelled.found, labelled.unused


def _one_for_each_row(search: Search, found: list[Found]) -> list[Found]:
    """Return the cases without those of a row that has several, which is a miss."""
    counts: dict[str, int] = {}
    for item in found:
        counts[item.row] = counts.get(item.row, 0) + 1
    for row, count in counts.items():
        if row and count > 1:
            message = f"the image has {count} series; name the folder of one, or use --select"
            search.missed.append(NoCase(typed=row, code="BAD_ROW", message=message))
    return [item for item in found if not item.row or counts[item.row] == 1]


def _names_note(cases: Sequence[CaseSource]) -> list[str]:
    """Return the note about ids that are names of files, which may identify a patient."""
    count = sum(case.series is None and case.id == stem(case.path) for case in cases)
    if not count:
        return []
    ids = f"{count} of {len(cases)} case ids are" if len(cases) > 1 else "the case id is"
    return [f"{ids} from file names, which may identify patients; use --ids hash to hide them"]
