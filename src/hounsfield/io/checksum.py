"""The sha256 that names a source in a record: of the bytes of all its files, not of their names."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hounsfield.core.platform import thread_count
from hounsfield.io.bytes.checksum import file_sha256, joined_sha256
from hounsfield.io.bytes.gzip.read import reading
from hounsfield.io.formats import files_of


def sha256_of(path: Path) -> str:
    """The sha256 of a source: of a file, that of its bytes; of a pair, a sidecar or detached data, that of the parts'
    sha256s in order; of a folder, that of its files' sorted sha256s, so that names and order do not count.

    Raises ReadError, or RefusedError where a header names a file outside of its folder.
    """
    if path.is_dir():
        with reading("source"):
            files = [item for item in path.rglob("*") if item.is_file()]
        return sha256_of_files(files)
    parts = files_of(path)
    with reading("source"):
        return joined_sha256([file_sha256(part) for part in parts])


def sha256_of_files(paths: Iterable[Path]) -> str:
    """The sha256 of files in any order: of their sorted sha256s; of a single file, that of its bytes.

    Raises ReadError.
    """
    with reading("source"), ThreadPoolExecutor(thread_count()) as pool:
        return joined_sha256(sorted(pool.map(file_sha256, paths)))
