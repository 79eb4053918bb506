"""Find the cases among the DICOM series of one or several sources."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.display import counted
from hounsfield.dataset.case import NoCase
from hounsfield.dataset.case_ids import Found
from hounsfield.dataset.case_names import as_typed
from hounsfield.io.bytes.remote import RemoteFolder

if TYPE_CHECKING:
    from hounsfield.io.dicom.files.source import Source
    from hounsfield.io.dicom.header.frame import Frame
    from hounsfield.io.dicom.header.scan_headers import HeaderScan
    from hounsfield.io.dicom.series.series import Series

OTHER_SERIES = "OTHER_SERIES"
"""Code of a source without the requested series; it is dropped if another source has it."""


@dataclass(frozen=True, slots=True)
class SeriesScan:
    """The headers and the series of one source."""

    path: Path
    typed: str
    listed: tuple[Source, ...]
    headers: HeaderScan
    series: tuple[Series, ...]
    remote: RemoteFolder | None = None


@dataclass(frozen=True, slots=True)
class SeriesFound:
    """A readable series of a scan."""

    scan: SeriesScan
    series: Series


def scan_series(path: Path, typed: str) -> SeriesScan:
    """Read the headers at `path`; raises the errors of `sources`."""
    from hounsfield.io.dicom.files.listing import sources
    from hounsfield.io.dicom.header.scan_headers import scan_headers
    from hounsfield.io.dicom.series.series import series_of

    listed = tuple(sources(path))
    headers = scan_headers(listed)
    return SeriesScan(path, typed, listed, headers, tuple(series_of(headers)))


def choose_series(scan: SeriesScan, wanted: str | None) -> tuple[list[SeriesFound], list[NoCase]]:
    """Return the readable series of a scan, or the requested one; else the reason."""
    from hounsfield.io.dicom.series.select_series import (
        matching_series,
        no_such_series,
        readable_series,
    )

    chosen = scan.series if wanted is None else matching_series(scan.series, wanted)
    if not chosen and wanted is not None and readable_series(scan.series):
        code = "NO_SERIES" if wanted.isdecimal() else OTHER_SERIES
        message = no_such_series(scan.series, wanted)
        return [], [NoCase(typed=scan.typed, code=code, message=message)]
    found = [SeriesFound(scan, one) for one in chosen if one.is_readable]
    return found, [] if found else [NoCase(typed=scan.typed, code="NO_CT", message=_no_ct(scan))]


def _no_ct(scan: SeriesScan) -> str:
    kinds = Counter(one.group.kind for one in scan.series)
    if not kinds:
        return f"no CT found ({counted(len(scan.headers.other), 'file')} of other kinds)"
    names = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    return f"no series of CT slices found (series: {names})"


def series_cases(found: Sequence[SeriesFound]) -> list[Found]:
    """Return one case per series; the parts and copies of a series in several sources are one."""
    groups: dict[str, list[SeriesFound]] = {}
    for each in found:
        groups.setdefault(each.series.id, []).append(each)
    return [case for group in groups.values() for case in _cases(_once(group))]


def _once(group: Sequence[SeriesFound]) -> list[SeriesFound]:
    """Return the series without those whose frames are all in the files of another one."""
    places = [{_place(one, frame) for frame in one.series.group.frames} for one in group]
    return [
        one
        for n, one in enumerate(group)
        if not any(
            places[n] < other or (places[n] == other and m < n) for m, other in enumerate(places)
        )
    ]


def _place(one: SeriesFound, frame: Frame) -> tuple[str, str, int]:
    """Return the file, the member of an archive and the number of a frame."""
    file = os.path.realpath(getattr(frame.source, "path", one.scan.path))
    return file, "" if is_file(frame.source) else frame.source.name, frame.index


def is_file(source: Source) -> bool:
    """Whether a source is a whole file rather than a member of an archive."""
    from hounsfield.io.dicom.files.source import FileSource

    return isinstance(source, FileSource) and source.holder is None and source.offset == 0


def _cases(group: Sequence[SeriesFound]) -> list[Found]:
    """Return the case of series with one id; an archive with other frames is another case."""
    if len(group) == 1:
        return [case_of(group[0])]
    loose = [one for one in group if all(is_file(f.source) for f in one.series.group.frames)]
    cases = _merged(loose) if len(loose) > 1 else [case_of(one) for one in loose]
    kept = list(loose)
    for one in [one for one in group if one not in loose]:
        if kept and any(_is_copy(one, other) for other in kept):
            cases[0] = replace(cases[0], diagnostics=(*cases[0].diagnostics, _copies(one)))
        else:
            cases.append(_with_own_id(case_of(one), one) if kept else case_of(one))
            kept.append(one)
    return cases


def _is_copy(one: SeriesFound, other: SeriesFound) -> bool:
    """Whether each frame of `one` has the UID, the position and the pixels of one of `other`."""
    from hounsfield.io.dicom.series.phases import drop_copies

    frames = other.series.group.frames
    kept, _ = drop_copies([*frames, *one.series.group.frames])
    return len(kept) == len(frames)


def _copies(one: SeriesFound) -> Diagnostic:
    count = len(one.series.group.frames)
    message = f"{counted(count, 'duplicate object')} dropped"
    return Diagnostic("DUPLICATE", "repair", message, value=count)


def _with_own_id(case: Found, one: SeriesFound) -> Found:
    from hounsfield.io.bytes.case_id import case_id
    from hounsfield.io.dicom.series.series_id import content_key

    return replace(case, own_id=case_id(one.series.identity + content_key(one.series.group.frames)))


def _merged(group: Sequence[SeriesFound]) -> list[Found]:
    """Return the case of a series whose files are in several sources; copies are dropped."""
    from hounsfield.io.dicom.header.scan_headers import HeaderScan
    from hounsfield.io.dicom.series.series import series_of

    frames = {_place(one, frame): frame for one in group for frame in one.series.group.frames}
    cut = {path for one in group for path in _paths(one)} - {
        path for one in group for path in _frame_paths(one.series)
    }
    notes = tuple(note for one in group for note in notes_of(one))
    whole = series_of(HeaderScan(tuple(frames.values()), ()))
    cases = []
    for series in whole:
        if series.is_readable:
            paths = [os.path.abspath(path) for path in {*_frame_paths(series), *cut}]
            home = Path(os.path.commonpath([os.path.dirname(path) for path in paths]))
            case = replace(case_of(group[0]), path=home, series_id=series.id)
            case = replace(case, scanned=series, instances=_instances(series))
            noted = tuple(dict.fromkeys((*_repairs(series), *notes)))
            cases.append(replace(case, files=_below(home, paths), diagnostics=noted))
    return cases


def found_series(series: Series, path: Path = Path(), typed: str = "") -> Found:
    """Return the case of a series without its files."""
    from hounsfield.io.bytes.case_id import patient_id, study_id

    first = series.group.frames[0]
    return Found(
        path=path,
        typed=typed,
        series_id=series.id,
        series_uid=series.uid,
        scanned=series,
        instances=_instances(series),
        patient=patient_id(first.patient),
        study=study_id(first.study),
    )


def case_of(one: SeriesFound) -> Found:
    """Return the case of a series, with its files if they are in a folder."""
    scan = one.scan
    case = found_series(one.series, scan.path, scan.typed)
    if not scan.path.is_dir():
        return case
    paths = _paths(one)
    home = Path(os.path.commonpath([os.path.dirname(path) for path in paths]))
    return replace(
        case,
        path=home,
        typed=as_typed(home, scan.path, scan.typed),
        files=_below(home, paths),
        diagnostics=notes_of(one),
    )


def _instances(series: Series) -> frozenset[str]:
    return frozenset(frame.sop_instance for frame in series.group.frames) - {""}


def _paths(one: SeriesFound) -> list[str]:
    """Return the files of a series, those without pixels too."""
    from hounsfield.io.dicom.read import file_paths

    return [str(path) for path in file_paths(one.series, one.scan.listed)]


def _frame_paths(series: Series) -> set[str]:
    return {getattr(frame.source, "path", "") for frame in series.group.frames}


def _below(home: Path, paths: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted(os.path.relpath(path, home) for path in paths))


def _repairs(series: Series) -> tuple[Diagnostic, ...]:
    """Return how the series was separated from the other frames of its source."""
    return tuple(each for each in series.diagnostics if each.severity != "refusal")


def notes_of(one: SeriesFound) -> tuple[Diagnostic, ...]:
    """Return the diagnostics that need the other files of the source.

    Unreadable files count if they are in the folder of the series.
    """
    from hounsfield.io.dicom.header.scan_headers import HeaderScan
    from hounsfield.io.dicom.series.series import unread_files

    headers, names = one.scan.headers, one.series.names
    home = os.path.commonpath([os.path.dirname(name) for name in names])
    near = tuple(each for each in headers.other if not home or each.name.startswith(f"{home}/"))
    return (*_repairs(one.series), *unread_files(HeaderScan(headers.frames, near), one.series))
