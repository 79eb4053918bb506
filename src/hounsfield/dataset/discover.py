"""Find cases in sources: image files by suffix, DICOM by content, one case per series."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import HounsfieldError, ReadError
from hounsfield.dataset.case import CaseSource, NoCase
from hounsfield.dataset.case_ids import Found, Ids, named
from hounsfield.dataset.describe_error import describe_error, where_of
from hounsfield.dataset.sources import expand_sources
from hounsfield.dataset.unused import merged, unused_files
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
"""Suffixes of files that are neither images nor DICOM; any other file may be DICOM."""

OUTPUT_MARK = "manifest.db"
"""A folder with this file is the output of a run; it is not searched."""

OTHER_SERIES = "OTHER_SERIES"
"""Code of a source without the requested series; it is dropped if another source has it."""


class NoCaseError(ReadError):
    """No source contains a case."""

    code = "NO_CASE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovery:
    """The cases, sorted by id, and the sources without a case."""

    cases: tuple[CaseSource, ...]
    missed: tuple[NoCase, ...] = ()
    unused: tuple[Diagnostic, ...] = ()
    """DICOM files that are no case, by code."""


def discover(sources: Sequence[str], *, ids: Ids = "auto", series: str | None = None) -> Discovery:
    """Find the cases in the sources as the user typed them.

    `series` selects a DICOM series by its id or its number in each source, or a volume of a 4-D
    file. Raises ReadError if a list cannot be read, PipelineError if a stem cannot be an id.
    """
    found: list[Found] = []
    missed: list[NoCase] = []
    unused: list[Diagnostic] = []
    for source in expand_sources(sources):
        try:
            here, left = _in_path(Path(source), source, series, unused)
        except HounsfieldError as error:
            described = describe_error(error)
            case = NoCase(
                typed=source, code=described.code, message=described.message, where=where_of(error)
            )
            here, left = [], [case]
        found += here
        missed += left
    missed = [one for one in missed if one.code != OTHER_SERIES or not found]
    cases = named(found, ids=ids)
    if series is not None:
        cases = [replace(case, series=case.series or series) for case in cases]
    return Discovery(
        cases=tuple(sorted(cases, key=lambda case: case.id)),
        missed=tuple(missed),
        unused=merged(unused),
    )


def image_files(path: Path) -> tuple[list[Path], bool]:
    """Return the image files at a path, and whether other files there may be DICOM.

    A folder of PNG slices that hounsfield wrote counts as one image. Raises ReadError if the path
    does not exist or cannot be listed.
    """
    if (os.path.isfile(path) and case_suffix(path.name)) or sniff(path) != DICOM:
        return [path], False
    return _classify_files(path) if path.is_dir() else ([], True)


def _in_path(
    path: Path, typed: str, series: str | None, unused: list[Diagnostic]
) -> tuple[list[Found], list[NoCase]]:
    """Return the cases and what has none; DICOM files that are no case are added to `unused`."""
    if not os.path.exists(path):
        return [], [NoCase(typed=typed, code="MISSING_FILE", message="no such file or folder")]
    images, others = image_files(path)
    found = [Found(path=item, typed=_as_typed(item, path, typed)) for item in images]
    if not others:
        return found, [] if found else [
            NoCase(typed=typed, code="NO_CT", message="no CT in the folder")
        ]
    cases, missed = _dicom(path, typed, series, unused)
    return found + cases, [] if found else missed


def _classify_files(folder: Path) -> tuple[list[Path], bool]:
    """Return the image files below a folder, and whether other files there may be DICOM."""
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
    """Yield files and folders of PNG slices, without hidden files, links and outputs of runs."""

    def denied(error: OSError) -> None:
        raise ReadError(f"a folder cannot be listed ({error.strerror}); check its permissions")

    for where, folders, files in os.walk(folder, onerror=denied):
        parent = Path(where)
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".") and not os.path.exists(parent / name / OUTPUT_MARK)
        )
        for name in list(folders):
            if is_image_folder(parent / name):
                folders.remove(name)
                yield parent / name
        for name in sorted(files):
            if not name.startswith("."):
                yield parent / name


def _dicom(
    path: Path, typed: str, wanted: str | None, unused: list[Diagnostic]
) -> tuple[list[Found], list[NoCase]]:
    """Return one case per series of CT slices, or the requested series only."""
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
    unused += unused_files(result, series)
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
    found_kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    if not found_kinds:
        others = several(len(result.other), "file")
        return [], [
            NoCase(typed=typed, code="NO_CT", message=f"no CT found ({others} of other kinds)")
        ]
    return [], [
        NoCase(
            typed=typed,
            code="NO_CT",
            message=f"no series of CT slices found (series: {found_kinds})",
        )
    ]


def _home(path: Path, series: Series) -> Path:
    """Return the deepest folder that contains all files of a series."""
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
    """Return the files of a series relative to its folder; empty for a file or an archive."""
    if not home.is_dir():
        return ()
    files = {path / name for name in series.names}
    if not all(file.is_file() for file in files):
        return ()
    return tuple(sorted(str(file.relative_to(home)) for file in files))


def _as_typed(item: Path, root: Path, typed: str) -> str:
    return typed if item == root else os.path.join(typed, os.path.relpath(item, root))


def several(count: int, noun: str) -> str:
    """Return a count and its noun, in the plural unless the count is 1."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
