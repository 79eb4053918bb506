"""Find cases in sources: image files by suffix, DICOM by content, one case per series."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.display import counted
from hounsfield.core.errors import HounsfieldError, ReadError
from hounsfield.dataset.case import CaseSource, NoCase
from hounsfield.dataset.case_ids import Found, check_ids, named
from hounsfield.dataset.case_names import as_typed, stem
from hounsfield.dataset.describe_error import describe_error, where_of
from hounsfield.dataset.series_cases import (
    OTHER_SERIES,
    SeriesFound,
    choose_series,
    scan_series,
    series_cases,
)
from hounsfield.dataset.sources import expand_sources
from hounsfield.dataset.unused import merged, unused_files
from hounsfield.io.bytes.search import is_output, leads_out
from hounsfield.io.formats import DICOM, case_suffix, has_sidecar, is_data, is_image_folder, sniff

if TYPE_CHECKING:
    from hounsfield.io.dicom.header.scan_headers import HeaderScan

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
"""Suffixes of files that are neither images nor DICOM; any other file may be DICOM."""


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
    rejected: int = 0
    unlisted: int = 0
    is_part: bool = False
    """Whether a list has chosen the cases; it has left out `rejected` and `unlisted` others."""


@dataclass(slots=True)
class _Search:
    """What was found in all sources."""

    series: str | None
    images: list[Found] = field(default_factory=list)
    scanned: list[SeriesFound] = field(default_factory=list)
    missed: list[NoCase] = field(default_factory=list)
    unused: list[Diagnostic] = field(default_factory=list)
    unselected: int = 0


def discover(sources: Sequence[str], *, ids: str = "auto", series: str | None = None) -> Discovery:
    """Find the cases in the sources as the user typed them.

    `series` selects a DICOM series by its id or its number in each source; where a source has no
    DICOM, a volume of a 4-D file. Ids are described in `named`. Raises ReadError if a list cannot
    be read, PipelineError if an id cannot be used.
    """
    check_ids(ids)
    search = _Search(series)
    for source in expand_sources(sources):
        try:
            _search_path(search, Path(source), source)
        except HounsfieldError as error:
            search.missed.append(_no_case(source, error))
    found = [*search.images, *series_cases(search.scanned)]
    missed = [one for one in search.missed if one.code != OTHER_SERIES or not found]
    cases = named(found, ids=ids)
    notes = _names_note(cases) if ids == "auto" else []
    if search.unselected:
        notes.append(f"{counted(search.unselected, 'image file')} not selected by --series")
    if series is not None:
        cases = [replace(case, series=case.series or series) for case in cases]
    return Discovery(
        cases=tuple(sorted(cases, key=lambda case: case.id)),
        missed=tuple(missed),
        notes=tuple(notes),
        unused=merged(search.unused),
    )


def image_files(path: Path) -> tuple[list[Path], bool]:
    """Return the image files at a path, and whether other files there may be DICOM.

    A folder of PNG slices that hounsfield wrote counts as one image. Links that lead out of the
    folder count as other files: the search for DICOM reports them. Raises ReadError if the path
    does not exist or cannot be listed.
    """
    images, others, links = _files_at(path)
    return images, others or links > 0


def _files_at(path: Path) -> tuple[list[Path], bool, int]:
    """Return the image files, whether others may be DICOM, and the number of links leading out."""
    if (os.path.isfile(path) and case_suffix(path.name)) or sniff(path) != DICOM:
        return [path], False, 0
    return _classify_files(path) if path.is_dir() else ([], True, 0)


def _names_note(cases: Sequence[CaseSource]) -> list[str]:
    """Return the note about ids that are names of files, which may identify a patient."""
    count = sum(case.series is None and case.id == stem(case.path) for case in cases)
    if not count:
        return []
    ids = f"{count} of {len(cases)} case ids are" if len(cases) > 1 else "the case id is"
    return [f"{ids} from file names, which may identify patients; use --ids hash to hide them"]


def _no_case(source: str, error: HounsfieldError) -> NoCase:
    found = describe_error(error)
    return NoCase(typed=source, code=found.code, message=found.message, where=where_of(error))


def _search_path(search: _Search, path: Path, typed: str) -> None:
    """Add the cases at a path, or the reason why it has none."""
    if not os.path.exists(path):
        message = "no such file or folder"
        search.missed.append(NoCase(typed=typed, code="MISSING_FILE", message=message))
        return
    images, others, links = _files_at(path)
    if links:
        message = (
            f"{counted(links, 'link')} out of the folder skipped; name the files themselves, by a "
            "pattern or in a list"
        )
        search.missed.append(NoCase(typed=typed, code="OUTSIDE_FOLDER", message=message))
    if others:
        scan = scan_series(path, typed)
        search.unused += unused_files(_without(scan.headers, images, path), scan.series)
        chosen, missed = choose_series(scan, search.series)
        if search.series is not None and any(one.is_readable for one in scan.series):
            search.unselected += len(images)
            images = []
        search.scanned += chosen
        search.missed += [] if images else missed
    elif not images:
        search.missed.append(NoCase(typed=typed, code="NO_CT", message="no CT in the folder"))
    search.images += [Found(path=item, typed=as_typed(item, path, typed)) for item in images]


def _without(headers: HeaderScan, images: list[Path], path: Path) -> HeaderScan:
    """Return the scan without image files: each is a case, and fails where it cannot be read."""
    names = {str(item.relative_to(path)) for item in images if item != path}
    return replace(headers, other=tuple(each for each in headers.other if each.name not in names))


def _classify_files(folder: Path) -> tuple[list[Path], bool, int]:
    """Return the image files, whether others may be DICOM, and the number of links leading out."""
    images: list[Path] = []
    others, links = False, 0
    for item in _walk(folder):
        name = item.name.lower()
        if not (item.is_dir() or case_suffix(name)):
            others = others or not (name.endswith(NEVER_DICOM) or is_data(name))
        elif item.is_symlink() and leads_out(item, folder):
            links += 1
        else:
            images += [item] if item.is_dir() or has_sidecar(item) else []
    return images, others, links


def _walk(folder: Path) -> Iterator[Path]:
    """Yield files and folders of PNG slices, without hidden files and outputs of runs."""

    def denied(error: OSError) -> None:
        raise ReadError(f"a folder cannot be listed ({error.strerror}); check its permissions")

    for where, folders, files in os.walk(folder, onerror=denied):
        parent = Path(where)
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and not is_output(parent, name)
        )
        for name in list(folders):
            if is_image_folder(parent / name):
                folders.remove(name)
                yield parent / name
        for name in sorted(files):
            if not name.startswith("."):
                yield parent / name
