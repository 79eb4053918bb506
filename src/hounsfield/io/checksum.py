"""The sha256 that names a source in a record: of the bytes of all its files, not of their names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hounsfield.io.bytes.checksum import SourceFiles
from hounsfield.io.bytes.gzip.read import reading
from hounsfield.io.formats import files_of


def sha256_of(path: Path) -> str:
    """The sha256 of the source at `path`, see `source_files`; raises ReadError and RefusedError."""
    return source_files(path).sha256()


def source_files(path: Path, *, names: Sequence[str] = ()) -> SourceFiles:
    """The files that the source at `path` is made of: `names` in a folder, or all of it; a file, or the parts of one.

    The sha256 of one file is that of its bytes; of a pair, a sidecar or detached data, that of the parts' sha256s in
    order; of a folder, that of its files' sorted sha256s, so that names and order do not count.
    Raises ReadError, or RefusedError where a header names a file outside of its folder.
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
