"""The sha256 that names what a case is made of: of bytes, never of names or order."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hounsfield.core.platform import thread_count
from hounsfield.dataset.case import CaseSource
from hounsfield.io.checksum import sha256_of

DETACHED = (".hdr", ".nhdr", ".mhd")
"""Headers whose voxels lie in a file beside them."""


def source_sha256(case: CaseSource) -> str:
    """The sha256 of a case's file; of several files, that of their sorted sha256s. Raises ReadError."""
    if case.files:
        return _joined([case.path / name for name in case.files])
    if case.path.suffix.lower() in DETACHED:
        return _joined([case.path, *_beside(case.path)])
    return sha256_of(case.path)


def _joined(paths: Sequence[Path]) -> str:
    with ThreadPoolExecutor(thread_count()) as pool:
        each = sorted(pool.map(sha256_of, paths))
    return hashlib.sha256("".join(each).encode("ascii")).hexdigest() if len(each) > 1 else each[0]


def _beside(header: Path) -> list[Path]:
    """The files that a detached header may mean: those of its stem, or where there are none, all that are no header."""
    files = [path for path in sorted(header.parent.iterdir()) if path.is_file() and path != header]
    same = [path for path in files if path.name.startswith(f"{header.stem}.")]
    return same or [path for path in files if path.suffix.lower() not in DETACHED]
