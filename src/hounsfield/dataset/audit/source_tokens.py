"""Collect the tokens of all files of the sources."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, BinaryIO, cast

from hounsfield.core.errors import HounsfieldError, missing_file
from hounsfield.dataset.audit import file_tokens
from hounsfield.dataset.audit.contents import BROKEN, opened
from hounsfield.dataset.audit.dicom_tokens import add_dicom
from hounsfield.dataset.audit.token import Tokens
from hounsfield.dataset.sources import expand_sources
from hounsfield.io.bytes.checksum import file_sha256
from hounsfield.io.bytes.search import is_output, leads_out

if TYPE_CHECKING:
    from hounsfield.io.dicom.files.source import Source

HEAD_BYTES = 512

TABLES = (".csv", ".tsv")
NO_HEADER = (".txt", ".md", ".html", ".xml", ".pdf", ".jpg", ".jpeg", ".log", ".py", ".toml", ".db")
"""Suffixes of files that are not read: they are no image and no table."""

Progress = Callable[[int, int], None]


@dataclass(slots=True)
class Sources:
    """The tokens of the sources, and the files that could and could not be read."""

    tokens: Tokens = field(default_factory=Tokens)
    files: int = 0
    unread: int = 0


def read_sources(
    sources: Sequence[str], *, out: Path, digests: bool = False, progress: Progress | None = None
) -> Sources:
    """Read the tokens of all files of the sources, hidden ones too, but for those in `out`.

    `digests` adds the sha256 of each file. Raises MissingFileError.
    """
    found = Sources()
    listed = [each for source in expand_sources(sources) for each in _files(Path(source), out)]
    for done, (path, name, root) in enumerate(listed):
        if progress is not None:
            progress(done, len(listed))
        file_tokens.add_path(found.tokens, name, root=root)
        found.files += 1
        try:
            is_read = _add_file(found.tokens, path)
            if digests:
                found.tokens.add("file-digest", "sha256 of a source file", file_sha256(path))
        except (HounsfieldError, *BROKEN):
            is_read = False
        found.unread += not is_read
    return found


def _files(path: Path, out: Path) -> Iterator[tuple[Path, PurePath, Path]]:
    """Yield each file with its name below the folder that was named, and that folder.

    Outputs of other runs are no sources, as in the search for cases.
    """
    if not os.path.exists(path):
        raise missing_file(path)
    root = Path(os.path.abspath(path))
    if path.is_file():
        yield path, PurePath(path.name), root
    for where, folders, files in os.walk(path):
        folders[:] = sorted(
            each
            for each in folders
            if leads_out(Path(where, each), out) and not is_output(where, each)
        )
        for each in sorted(files):
            file = Path(where, each)
            if file.is_file():
                yield file, PurePath(root.name, *file.relative_to(path).parts), root


def _add_file(tokens: Tokens, path: Path) -> bool:
    """Add the tokens of one file; returns whether it could be read."""
    from hounsfield.io.dicom.files.archive import archive_sources, is_archive

    lower = path.name.lower()
    if lower.endswith(NO_HEADER):
        return True
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
        if not (is_archive(head) and not lower.endswith(".nii.gz")):
            file.seek(0)
            return _add_stream(tokens, file, lower)
    try:
        members = archive_sources(path)
    except HounsfieldError:  # one gzipped file
        with path.open("rb") as file:
            return _add_stream(tokens, file, lower)
    return not [member for member in members if not _add_member(tokens, member)]


def _add_member(tokens: Tokens, member: Source) -> bool:
    file_tokens.add_path(tokens, PurePath(member.name), root=None)
    stream = io.BufferedReader(SourceStream(member))
    return _add_stream(tokens, cast("BinaryIO", stream), member.name.lower())


def _add_stream(tokens: Tokens, stream: BinaryIO, name: str) -> bool:
    head = stream.read(HEAD_BYTES)
    if head[:2] == b"\x1f\x8b":
        stream.seek(0)
        with opened(stream, head) as inflated:
            return _add_stream(tokens, inflated, name.removesuffix(".gz"))
    if name.endswith(TABLES):
        file_tokens.add_table(tokens, head + stream.read(file_tokens.LARGEST_TABLE))
        return True
    if name.endswith(".json"):
        file_tokens.add_json(tokens, head + stream.read(file_tokens.LARGEST_TABLE))
        return True
    for test, add in _FORMATS:
        if test(head):
            add(tokens, stream)
            return True
    stream.seek(0)
    return name.endswith(_VOXELS) or add_dicom(tokens, stream)


_VOXELS = (".raw", ".zraw", ".img", ".npy", ".npz")
"""Files of voxels without a header that has texts."""

_FORMATS: tuple[tuple[Callable[[bytes], bool], Callable[[Tokens, BinaryIO], None]], ...] = (
    (lambda head: head[344:347] in (b"n+1", b"ni1"), file_tokens.add_nifti),
    (lambda head: head[4:7] in (b"n+2", b"ni2"), file_tokens.add_nifti),
    (lambda head: head[:4] == b"NRRD", file_tokens.add_nrrd),
    (lambda head: head[:10] == b"ObjectType" or head[:5] == b"NDims", file_tokens.add_metaimage),
    (lambda head: head[:8] == b"\x89PNG\r\n\x1a\n", file_tokens.add_png),
)


class SourceStream(io.RawIOBase):
    """A source of bytes as a file."""

    def __init__(self, source: Source) -> None:
        self._source, self._position = source, 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Read at the position."""
        data = self._source.read(self._position, len(buffer))
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move the position."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._source.size}
        self._position = max(0, base[whence] + offset)
        return self._position
