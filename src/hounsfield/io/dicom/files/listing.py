"""List the files under a path in an order that does not depend on the file system."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from hounsfield.core.errors import ReadError, missing_file, unreadable
from hounsfield.io.dicom.files.archive import archive_sources, is_archive
from hounsfield.io.dicom.files.dicomdir import dicomdir_sources, is_dicomdir
from hounsfield.io.dicom.files.source import FileSource, Source, file_source, printable

MAX_FOLDERS = 64
"""Folders nested deeper than this are ignored."""


def sources(path: Path) -> list[Source]:
    """The sources under `path` (a file, folder, zip, tar or DICOMDIR), named relative to it.

    Raises ReadError if it cannot be read, RefusedError if an archive or DICOMDIR refers to files
    outside itself.
    """
    if not os.path.exists(path):
        raise missing_file(path)
    if path.is_dir():
        return list(_numbered(path))
    if not path.is_file():
        raise unreadable(
            str(path), "path is neither a file nor a folder; expected DICOM files or a folder"
        )
    source = file_source(path, name=path.name)
    head = source.read(0, 512)
    if is_archive(head) and head[128:132] != b"DICM":
        return archive_sources(path)
    return dicomdir_sources(path) if is_dicomdir(head) else [source]


def files_of(path: Path) -> tuple[Path, ...]:
    """The file itself, and the files that it references if it is a DICOMDIR."""
    with path.open("rb") as file:
        head = file.read(512)
    if not is_dicomdir(head):
        return (path,)
    named = [source.path for source in dicomdir_sources(path) if isinstance(source, FileSource)]
    return (path, *sorted(Path(name) for name in named))


def _numbered(folder: Path) -> Iterator[FileSource]:
    found = sorted(_files(str(folder), "", 0))
    for ordinal, (name, path, (size, modified_ns)) in enumerate(found):
        yield FileSource(path, printable(name), ordinal, size, modified_ns=modified_ns)


def _files(folder: str, prefix: str, depth: int) -> Iterator[tuple[str, str, tuple[int, int]]]:
    """(relative name, path, stamp) of regular files; links to folders are not followed."""
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    if depth < MAX_FOLDERS:
                        yield from _files(entry.path, f"{prefix}{entry.name}/", depth + 1)
                elif (stamp := _stamp(entry)) is not None:
                    yield prefix + entry.name, entry.path, stamp
    except ReadError:
        raise
    except OSError as error:
        raise unreadable(
            printable(prefix) or folder, f"cannot be listed ({error.strerror})"
        ) from None


def _stamp(entry: os.DirEntry[str]) -> tuple[int, int] | None:
    """Size and modification time (ns) of a regular file; None for pipes and broken links."""
    try:
        status = entry.stat() if entry.is_file() else None
        return None if status is None else (status.st_size, status.st_mtime_ns)
    except OSError:
        return None
