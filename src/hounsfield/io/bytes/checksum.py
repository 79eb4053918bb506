"""The sha256 of files, and of the files of a source if unchanged since it was opened."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import ReadError, warn
from hounsfield.core.platform import thread_count
from hounsfield.core.thread_pool import ThreadPool

Stamp = tuple[int, int, int]


def file_sha256(path: Path) -> str:
    """Return the sha256 of a file's bytes; raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def joined_sha256(digests: Sequence[str]) -> str:
    """Return the sha256 of concatenated sha256s in ASCII; a single one is returned unchanged."""
    if len(digests) == 1:
        return digests[0]
    return hashlib.sha256("".join(digests).encode("ascii")).hexdigest()


@dataclass(frozen=True, slots=True)
class SourceFiles:
    """The files of one source, with size, modification time and inode when it was opened.

    `is_ordered` is True for files with distinct roles (a header and its data) and False for a
    series, where names and order of the files are arbitrary.
    """

    paths: tuple[Path, ...]
    stamps: tuple[Stamp, ...]
    is_ordered: bool = True
    _known: list[str] = field(default_factory=list, repr=False, compare=False)

    @classmethod
    def of(cls, paths: Iterable[Path], *, is_ordered: bool = True) -> SourceFiles:
        """The files as of now, without duplicates; raises OSError if one is missing."""
        found = tuple(dict.fromkeys(paths))
        return cls(found, tuple(_stamp(path) for path in found), is_ordered)

    def sha256(self) -> str:
        """The sha256 of the file, or of the sha256s of several files; computed once.

        Raises ReadError (SOURCE_CHANGED) if a file has changed since it was opened.
        """
        if not self._known:
            digests = self._digests()
            if not self.is_ordered:
                digests.sort()
            self._known.append(joined_sha256(digests))
        return self._known[0]

    def __call__(self) -> str:
        """The sha256, or '' with a warning if a file has changed since it was opened."""
        try:
            return self.sha256()
        except ReadError as error:
            warn(Diagnostic("SOURCE_CHANGED", "warning", f"{error}, as the record has no checksum"))
            return ""

    def _digests(self) -> list[str]:
        try:
            with ThreadPool(thread_count()) as pool:
                digests = list(pool.map(file_sha256, self.paths))
            changed = tuple(_stamp(path) for path in self.paths) != self.stamps
        except OSError:
            changed = True
        if changed:
            message = "the files of the source have changed since they were opened; read them again"
            raise ReadError(Diagnostic("SOURCE_CHANGED", "refusal", message))
        return digests


def _stamp(path: Path) -> Stamp:
    status = os.stat(path)
    return status.st_size, status.st_mtime_ns, status.st_ino
