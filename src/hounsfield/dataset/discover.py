"""Which cases do these sources hold: image files by their suffix, DICOM by what is inside, one case per series."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from hounsfield.core.errors import HounsfieldError, ReadError
from hounsfield.dataset.case import CaseSource, NoCase
from hounsfield.dataset.case_ids import Found, Ids, named
from hounsfield.dataset.describe_error import describe_error, where_of
from hounsfield.dataset.sources import expanded
from hounsfield.io.formats import DICOM, case_suffix, has_sidecar, is_data, is_image_folder, sniff

if TYPE_CHECKING:
    from hounsfield.io.dicom.series.series import Series

NEVER_DICOM = (
    ".txt",
    ".csv",
    ".tsv",
    ".toml",
    ".md",
    ".html",
    ".jpg",
    ".jpeg",
    ".pdf",
    ".gz",
    ".bz2",
    ".bval",
    ".bvec",
    ".xml",
    ".log",
    ".npz",
    ".py",
    ".db",
)
"""Suffixes of files that are no image and no part of one; any other file, with a suffix or without, may be DICOM."""

OUTPUT_MARK = "manifest.db"
"""A folder below a source that holds this is the output of a run, not its input."""


OTHER_SERIES = "OTHER_SERIES"
"""A source without the series whose id was asked for; it matters where no other source has it."""


class NoCaseError(ReadError):
    """Nothing that was named holds a case."""

    code = "NO_CASE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovery:
    """The cases, sorted by id, and what holds none."""

    cases: tuple[CaseSource, ...]
    missed: tuple[NoCase, ...] = ()


def discover(words: Sequence[str], *, ids: Ids = "auto", series: str | None = None) -> Discovery:
    """The cases in what the user typed; `series` selects one DICOM series, by its id or its number in each source,
    or a volume of a 4-D file.

    Raises ReadError where a list cannot be read, PipelineError where ids cannot be stems.
    """
    found: list[Found] = []
    missed: list[NoCase] = []
    for word in expanded(words):
        try:
            here, left = _in_path(Path(word), word, series)
        except HounsfieldError as error:
            described = describe_error(error)
            case = NoCase(
                typed=word, code=described.code, message=described.message, where=where_of(error)
            )
            here, left = [], [case]
        found += here
        missed += left
    missed = [one for one in missed if one.code != OTHER_SERIES or not found]
    cases = named(found, ids=ids)
    if series is not None:
        cases = [replace(case, series=case.series or series) for case in cases]
    return Discovery(cases=tuple(sorted(cases, key=lambda case: case.id)), missed=tuple(missed))


def image_files(path: Path) -> tuple[list[Path], bool]:
    """The image files at a path, and whether anything else there may be DICOM.

    Folders of our own PNG slices count as one. Raises ReadError where the path is not there or cannot be listed.
    """
    if (os.path.isfile(path) and case_suffix(path.name)) or sniff(path) != DICOM:
        return [path], False
    return _sorted_out(path) if path.is_dir() else ([], True)


def _in_path(path: Path, typed: str, series: str | None) -> tuple[list[Found], list[NoCase]]:
    if not os.path.exists(path):
        return [], [NoCase(typed=typed, code="MISSING_FILE", message="no such file or folder")]
    images, others = image_files(path)
    found = [Found(path=item, typed=_as_typed(item, path, typed)) for item in images]
    if not others:
        return found, [] if found else [
            NoCase(typed=typed, code="NO_CT", message="the folder holds no CT")
        ]
    cases, missed = _dicom(path, typed, series)
    return found + cases, [] if found else missed


def _sorted_out(folder: Path) -> tuple[list[Path], bool]:
    """The image files below a folder, and whether anything else there may be DICOM."""
    images: list[Path] = []
    others = False
    for item in _walk(folder):
        name = item.name.lower()
        if item.is_dir() or case_suffix(name):
            images += [item] if item.is_dir() or has_sidecar(item) else []
        else:
            others = others or not (name.endswith(NEVER_DICOM) or is_data(name))
    return images, others


def _walk(folder: Path) -> Iterator[Path]:
    """Files below a folder, and folders of our own PNG slices; hidden ones, links and outputs of runs are left out."""

    def denied(error: OSError) -> None:
        raise ReadError(f"a folder cannot be listed ({error.strerror})")

    for where, folders, files in os.walk(folder, onerror=denied):
        place = Path(where)
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".") and not os.path.exists(place / name / OUTPUT_MARK)
        )
        for name in list(folders):
            if is_image_folder(place / name):
                folders.remove(name)
                yield place / name
        for name in sorted(files):
            if not name.startswith("."):
                yield place / name


def _dicom(path: Path, typed: str, wanted: str | None) -> tuple[list[Found], list[NoCase]]:
    """One case per series of CT slices, or for the wanted one alone."""
    from hounsfield.io.dicom.files.listing import sources
    from hounsfield.io.dicom.header.scan_headers import scan_headers
    from hounsfield.io.dicom.series.select_series import (
        matching_series,
        no_such_series,
        readable_series,
    )
    from hounsfield.io.dicom.series.series import series_of

    result = scan_headers(sources(path))
    series = series_of(result)
    chosen = series if wanted is None else matching_series(series, wanted)
    if not chosen and readable_series(series) and wanted is not None:
        code = "NO_SERIES" if wanted.isdecimal() else OTHER_SERIES
        message = no_such_series(series, wanted)
        return [], [NoCase(typed=typed, code=code, message=message)]
    found = []
    for one in chosen:
        if one.is_readable:
            home = _home(path, one)
            found.append(
                Found(
                    path=home,
                    typed=_as_typed(home, path, typed),
                    series_id=one.id,
                    files=_files(one, path, home),
                )
            )
    if found:
        return found, []
    kinds = Counter(one.group.kind for one in series)
    what = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    if not what:
        others = several(len(result.other), "file")
        return [], [
            NoCase(typed=typed, code="NO_CT", message=f"holds no CT ({others} of other kinds)")
        ]
    return [], [
        NoCase(
            typed=typed,
            code="NO_CT",
            message=f"holds no series of CT slices (series there: {what})",
        )
    ]


def _home(path: Path, series: Series) -> Path:
    """The deepest folder that holds all files of a series: what has to be looked at to read it again."""
    if not path.is_dir():
        return path
    folders = {os.path.dirname(name) for name in series.names}
    home = path / os.path.commonpath(folders) if "" not in folders else path
    while not home.is_dir():
        if home.is_file():
            return home
        home = home.parent
    return home


def _files(series: Series, path: Path, home: Path) -> tuple[str, ...]:
    """The files of a series below its home; none where that is a file itself, or an archive."""
    if not home.is_dir():
        return ()
    places = {path / name for name in series.names}
    return (
        tuple(sorted(str(place.relative_to(home)) for place in places))
        if all(p.is_file() for p in places)
        else ()
    )


def _as_typed(item: Path, root: Path, typed: str) -> str:
    return typed if item == root else os.path.join(typed, os.path.relpath(item, root))


def several(count: int, noun: str) -> str:
    """A count and a noun, in the plural where it is one."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
