"""Search a path: image files by suffix, DICOM by content, data sets by their marks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.display import counted
from hounsfield.core.errors import HounsfieldError, ReadError
from hounsfield.dataset.case import NoCase
from hounsfield.dataset.case_ids import Found
from hounsfield.dataset.case_names import as_typed
from hounsfield.dataset.describe_error import describe_error, where_of
from hounsfield.dataset.label_search import label_names
from hounsfield.dataset.layouts.recognize import is_layout
from hounsfield.dataset.remote_cases import listed_images, remote_case, scan_remote
from hounsfield.dataset.series_cases import SeriesFound, SeriesScan, choose_series, scan_series
from hounsfield.dataset.unused import unused_files
from hounsfield.io.bytes.remote import list_files, url_of
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


@dataclass(slots=True)
class Search:
    """What was found in all sources; `layouts` are data sets in folders that were searched."""

    series: str | None = None
    images: list[Found] = field(default_factory=list)
    scanned: list[SeriesFound] = field(default_factory=list)
    scans: list[SeriesScan] = field(default_factory=list)
    missed: list[NoCase] = field(default_factory=list)
    unused: list[Diagnostic] = field(default_factory=list)
    layouts: list[tuple[Path, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unselected: int = 0


@dataclass(slots=True)
class _Files:
    """The files at a path: images, whether others may be DICOM, links that lead out, data sets."""

    images: list[Path] = field(default_factory=list)
    others: bool = False
    links: int = 0
    layouts: list[Path] = field(default_factory=list)


def image_files(path: Path) -> tuple[list[Path], bool]:
    """Return the image files at a path, and whether other files there may be DICOM.

    A folder of PNG slices that hounsfield wrote counts as one image. Links that lead out of the
    folder count as other files: the search for DICOM reports them. Raises ReadError if the path
    does not exist or cannot be listed.
    """
    found = _files_at(path)
    return found.images, found.others or found.links > 0


def _files_at(path: Path, *, layouts: bool = False) -> _Files:
    """Return the files at a path; with `layouts` without those of data sets in subfolders."""
    if (os.path.isfile(path) and case_suffix(path.name)) or sniff(path) != DICOM:
        return _Files([path])
    return _classify_files(path, layouts=layouts) if path.is_dir() else _Files(others=True)


def no_case(source: str, error: HounsfieldError, *, where: str = "") -> NoCase:
    """Return a source that cannot be searched, with the reason."""
    found = describe_error(error)
    named = where or where_of(error)
    return NoCase(typed=source, code=found.code, message=found.message, where=named)


def search_path(search: Search, path: Path, typed: str) -> None:
    """Add the cases at a path or URL, or the reason why it has none."""
    if url_of(typed):
        _search_url(search, url_of(typed))
        return
    if not os.path.exists(path):
        message = "no such file or folder"
        search.missed.append(NoCase(typed=typed, code="MISSING_FILE", message=message))
        return
    files = _files_at(path, layouts=True)
    search.layouts += [(item, as_typed(item, path, typed)) for item in files.layouts]
    images = files.images
    if files.links:
        message = (
            f"{counted(files.links, 'link')} out of the folder skipped; name the files themselves, "
            "by a pattern or in a list"
        )
        search.missed.append(NoCase(typed=typed, code="OUTSIDE_FOLDER", message=message))
    if files.others:
        scan = scan_series(path, typed)
        search.scans.append(scan)
        headers = _without(scan.headers, images, path)
        search.unused += unused_files(headers, scan.series, labels=label_names(scan))
        chosen, missed = choose_series(scan, search.series)
        if search.series is not None and any(one.is_readable for one in scan.series):
            search.unselected += len(images)
            images = []
        search.scanned += chosen
        search.missed += [] if images or files.layouts else missed
    elif not (images or files.layouts):
        search.missed.append(NoCase(typed=typed, code="NO_CT", message="no CT in the folder"))
    search.images += [Found(path=item, typed=as_typed(item, path, typed)) for item in images]


def _search_url(search: Search, url: str) -> None:
    """Add the cases at a URL; of DICOM files only the headers are read."""
    folder = list_files(url)
    images, others = listed_images(folder)
    others = [file for file in others if not folder.name(file).lower().endswith(NEVER_DICOM)]
    if others:
        scan = scan_remote(folder, others)
        search.scans.append(scan)
        search.unused += unused_files(scan.headers, scan.series, labels=label_names(scan))
        chosen, missed = choose_series(scan, search.series)
        if search.series is not None and chosen:
            search.unselected += len(images)
            images = []
        search.images += [remote_case(one, folder) for one in chosen]
        search.missed += [] if images else missed
    elif not images:
        search.missed.append(NoCase(typed=url, code="NO_CT", message="no CT at the URL"))
    search.images += images


def _without(headers: HeaderScan, images: list[Path], path: Path) -> HeaderScan:
    """Return the scan without image files: each is a case, and fails where it cannot be read."""
    names = {str(item.relative_to(path)) for item in images if item != path}
    return replace(headers, other=tuple(each for each in headers.other if each.name not in names))


def _classify_files(folder: Path, *, layouts: bool) -> _Files:
    """Return the files in a folder by what they are."""
    found = _Files()
    for item in _walk(folder, layouts=found.layouts if layouts else None):
        name = item.name.lower()
        if not (item.is_dir() or case_suffix(name)):
            found.others = found.others or not (name.endswith(NEVER_DICOM) or is_data(name))
        elif item.is_symlink() and leads_out(item, folder):
            found.links += 1
        else:
            found.images += [item] if item.is_dir() or has_sidecar(item) else []
    return found


def _walk(folder: Path, *, layouts: list[Path] | None) -> Iterator[Path]:
    """Yield files and folders of PNG slices, without hidden files and outputs of runs.

    Data sets in subfolders are added to `layouts` instead, unless it is None.
    """

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
            elif layouts is not None and is_layout(parent / name):
                folders.remove(name)
                layouts.append(parent / name)
        for name in sorted(files):
            if not name.startswith("."):
                yield parent / name
