"""List the files under a path in an order that does not depend on the file system."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from hounsfield.core.errors import ReadError, missing_file, unreadable
from hounsfield.io.bytes.search import is_output, leads_out
from hounsfield.io.dicom.files.archive import archive_sources, is_archive
from hounsfield.io.dicom.files.dicomdir import dicomdir_sources, is_dicomdir
from hounsfield.io.dicom.files.source import (
    FileSource,
    OutsideSource,
    Source,
    file_source,
    printable,
)

MAX_FOLDERS = 64
"""Folders nested deeper than this are ignored."""


def sources(path: Path, *, names: Sequence[str] = ()) -> list[Source]:
    """The sources under `path` (a file, folder, zip, tar or DICOMDIR), named relative to it.

    `names` are the files of a folder, relative to it; without them it is searched: hidden files and
    the outputs of runs are skipped, and links are followed only within the folder. Raises ReadError
    if it cannot be read, RefusedError if an archive or DICOMDIR refers to files outside itself.
    """
    if not os.path.exists(path):
        raise missing_file(path)
    if path.is_dir():
        return [
            file_source(path / name, name=name, ordinal=n) for n, name in enumerate(sorted(names))
        ] or list(_numbered(path))
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


def _numbered(folder: Path) -> Iterator[Source]:
    found = sorted(_files(str(folder), "", 0, os.path.realpath(folder)))
    for ordinal, (name, path, stamp) in enumerate(found):
        if stamp is None:
            yield OutsideSource(printable(name), ordinal)
        else:
            size, modified_ns = stamp
            yield FileSource(path, printable(name), ordinal, size, modified_ns=modified_ns)


def _files(
    folder: str, prefix: str, depth: int, root: str
) -> Iterator[tuple[str, str, tuple[int, int] | None]]:
    """(relative name, path, stamp) of regular files; no stamp for a link out of `root`."""
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    if depth < MAX_FOLDERS and not is_output(folder, entry.name):
                        yield from _files(entry.path, f"{prefix}{entry.name}/", depth + 1, root)
                elif _leads_out(entry, root):
                    yield prefix + entry.name, entry.path, None
                elif (stamp := _stamp(entry)) is not None:
                    yield prefix + entry.name, entry.path, stamp
    except ReadError:
        raise
    except OSError as error:
        raise unreadable(
            printable(prefix) or folder, f"cannot be listed ({error.strerror})"
        ) from None


def _leads_out(entry: os.DirEntry[str], root: str) -> bool:
    """Whether an entry is a link to an existing file or folder outside of `root`."""
    return entry.is_symlink() and os.path.exists(entry.path) and leads_out(entry.path, root)


def _stamp(entry: os.DirEntry[str]) -> tuple[int, int] | None:
    """Size and modification time (ns) of a regular file; None for pipes and broken links."""
    try:
        status = entry.stat() if entry.is_file() else None
        return None if status is None else (status.st_size, status.st_mtime_ns)
    except OSError:
        return None
