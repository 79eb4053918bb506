"""The sha256 that names a source in a record: of its bytes, not of its names."""

from __future__ import annotations

import hashlib
from pathlib import Path

from hounsfield.io.content import reading

CHUNK_BYTES = 1 << 20


def sha256_of(path: Path) -> str:
    """The sha256 of a file's bytes; of a folder, that of its files' sorted sha256s, so that names and order do not
    count. Raises ReadError."""
    with reading("source"):
        if not path.is_dir():
            return _of_file(path)
        each = sorted(_of_file(item) for item in path.rglob("*") if item.is_file())
    return hashlib.sha256("".join(each).encode("ascii")).hexdigest()


def _of_file(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
