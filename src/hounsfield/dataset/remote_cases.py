"""Find the cases at a URL from listings and headers alone, and copy one here to run it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from hounsfield.dataset.case import CaseSource
from hounsfield.dataset.case_ids import Found
from hounsfield.dataset.series_cases import SeriesFound, SeriesScan, case_of, notes_of
from hounsfield.io.bytes.remote import RemoteFile, RemoteFolder, download
from hounsfield.io.bytes.search import OUTPUT_MARK, OUTPUTS
from hounsfield.io.formats import by_suffix, case_suffix, is_data, without_suffix

STAGING = "hounsfield-"
"""The start of the names of temporary folders of copies, with the id of their process."""


def listed_images(folder: RemoteFolder) -> tuple[list[Found], list[RemoteFile]]:
    """Return the image files at a URL, and the other files, which may be DICOM.

    Hidden files and the outputs of runs are left out, as in a folder of this machine.
    """
    names = {folder.name(file): file for file in folder.files}
    runs = {_parent(name) for name in names if name.rpartition("/")[2] == OUTPUT_MARK}
    images, others = [], []
    for name, file in names.items():
        if _is_left_out(name, runs):
            continue
        if case_suffix(name.rpartition("/")[2]):
            images += _image(folder, name, names)
        elif not is_data(name):
            others.append(file)
    return images, others


def _is_left_out(name: str, runs: set[str]) -> bool:
    """Whether a file is hidden, or an output of a run whose folder is in `runs`."""
    parts = name.split("/")
    return any(part.startswith(".") for part in parts) or any(
        part in OUTPUTS and "/".join(parts[:n]) in runs for n, part in enumerate(parts[:-1])
    )


def _parent(name: str) -> str:
    return name.rpartition("/")[0]


def _image(folder: RemoteFolder, name: str, names: dict[str, RemoteFile]) -> list[Found]:
    """Return an image with its sidecar and its data; nothing if its format needs a sidecar."""
    sidecar = names.get(f"{without_suffix(name)}.json")
    kind = by_suffix(name)
    if sidecar is None and kind is not None and kind.sidecar_suffix:
        return []
    files = [names[name], *([sidecar] if sidecar else []), *_detached(name, names)]
    is_one = len(folder.files) == 1 and folder.url.endswith(name)
    typed = folder.url if is_one else f"{folder.url.rstrip('/')}/{name}"
    return [Found(path=Path(name), typed=typed, remote=replace(folder, files=tuple(files)))]


def _detached(name: str, names: dict[str, RemoteFile]) -> list[RemoteFile]:
    """Return the files in the folder of a detached header that may contain its data."""
    if not name.lower().endswith((".nhdr", ".mhd")):
        return []
    beside = _parent(name)
    return [file for other, file in names.items() if _parent(other) == beside and is_data(other)]


def scan_remote(folder: RemoteFolder, files: Sequence[RemoteFile]) -> SeriesScan:
    """Read the headers of the DICOM files at a URL; only ranges of the files are read."""
    from hounsfield.io.dicom.files.remote_source import remote_sources
    from hounsfield.io.dicom.header.scan_headers import scan_headers
    from hounsfield.io.dicom.series.series import series_of

    listed = tuple(remote_sources(folder, files))
    headers = scan_headers(listed)
    series = tuple(series_of(headers))
    return SeriesScan(Path(folder.url), folder.url, listed, headers, series, folder)


def remote_case(one: SeriesFound, folder: RemoteFolder) -> Found:
    """Return the case of a series at a URL, with its files."""
    names = {*one.series.names, *one.series.cut}
    return replace(
        case_of(one),
        path=Path(),
        files=tuple(sorted(names)),
        diagnostics=notes_of(one),
        remote=folder.only(names),
    )


@contextmanager
def local_case(case: CaseSource) -> Iterator[CaseSource]:
    """Copy the files of a case and of its labels at URLs to a temporary folder for the block.

    Each byte is read once. Raises the errors of `download`.
    """
    if case.remote is None and all(each.remote is None for each in case.labels):
        yield case
        return
    with tempfile.TemporaryDirectory(prefix=f"{STAGING}{os.getpid()}-") as name:
        path = case.path if case.remote is None else _copied(case.remote, Path(name), case.path)
        labels = []
        for n, each in enumerate(case.labels):
            if each.remote is not None:
                target = Path(name) / f".label-{n}"
                near = _copied(each.remote, target, each.path)
                each = replace(each, path=near, remote=None)
            labels.append(each)
        yield replace(case, path=path, labels=tuple(labels), remote=None)


def _copied(remote: RemoteFolder, folder: Path, name: Path) -> Path:
    download(remote, folder)
    return folder / name
