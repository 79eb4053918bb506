"""The sha256 of a source in a record: of the bytes of all its files, not of their names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hounsfield.io.bytes.checksum import SourceFiles
from hounsfield.io.bytes.gzip.read import reading
from hounsfield.io.formats import files_of


def sha256_of(path: Path) -> str:
    """The sha256 of the source at `path` (see `source_files`); raises ReadError or RefusedError."""
    return source_files(path).sha256()


def source_files(path: Path, *, names: Sequence[str] = ()) -> SourceFiles:
    """The files of the source at `path`: the files of an image, or `names` or all in a folder.

    The sha256 of one file is that of its bytes; of a header with a sidecar or detached data, that
    of the sha256s of the parts in order; of a folder, that of the sorted sha256s of its files, so
    that names and order do not matter. Raises ReadError, or RefusedError if a header names a file
    outside its folder.
    """
    if path.is_dir():
        with reading("source"):
            files = [path / name for name in names] or [
                item for item in path.rglob("*") if item.is_file()
            ]
            return SourceFiles.of(files, is_ordered=False)
    parts = files_of(path)
    with reading("source"):
        return SourceFiles.of(parts)
