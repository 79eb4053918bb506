"""Read the members of zip and tar archives without extracting them to disk."""

from __future__ import annotations

import tarfile
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import HounsfieldError, ReadError, RefusedError, unreadable
from hounsfield.io.bytes.source_file import SourceFile
from hounsfield.io.bytes.temp_file import TempFile
from hounsfield.io.dicom.files.inflated_once import InflatedOnce
from hounsfield.io.dicom.files.source import FileSource, Source, printable

MAX_MEMBERS = 100_000
"""Archives with more members are refused; the largest studies have some 10,000 files."""

MAX_MEMBER = 1 << 32
"""Largest uncompressed member, bytes; an enhanced CT of 4,000 frames has 2 GB."""

MAX_TOTAL = 1 << 37
"""Largest total uncompressed size, bytes; ten thousand CT slices have 5 GB."""

MAX_UNPACKED_TAR = 1 << 35
"""Largest uncompressed size of a tar, bytes; it goes to an unnamed temporary file."""

MAX_RATIO = 1100
"""Largest compression ratio; deflate cannot exceed 1032 to 1, so more indicates an attack."""

_LOCAL_BYTES = 30
"""Length of the fixed part of a local header."""

_CHUNK = 1 << 20
_BLOCK = 512


@dataclass(frozen=True, slots=True)
class ZipSource:
    """A compressed member of a zip, inflated only as far as it is read."""

    file: SourceFile = field(repr=False)
    member: zipfile.ZipInfo = field(repr=False)
    name: str
    ordinal: int
    size: int
    inflated: InflatedOnce = field(repr=False, compare=False)
    """Shared by all members of the archive; one member is read at a time."""

    def read(self, start: int, count: int) -> bytes:
        """At most `count` bytes from `start`; raises ReadError where the member is corrupt."""
        try:
            return self.inflated.read(
                self.member, self._opened, start=start, count=max(0, min(count, self.size - start))
            )
        except HounsfieldError as error:
            raise unreadable(self.name, str(error), code="SOURCE_CHANGED") from None
        except (
            OSError,
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            RuntimeError,
            NotImplementedError,
        ):
            raise unreadable(
                self.name, "archive member is corrupt, encrypted or not supported; unpack it first"
            ) from None

    def _opened(self) -> zipfile.ZipExtFile:
        """The member as a stream of its own: a ZipFile would stay open and hold a lock."""
        if self.member.flag_bits & 1:
            raise NotImplementedError
        stream = self.file.stream()
        stream.seek(_content_start(self.member, stream))
        return zipfile.ZipExtFile(stream, "r", self.member, close_fileobj=True)


def _content_start(member: zipfile.ZipInfo, file: IO[bytes]) -> int:
    """The offset of the content of a member, after its local header (APPNOTE 4.3.7)."""
    file.seek(member.header_offset)
    head = file.read(_LOCAL_BYTES)
    if len(head) < _LOCAL_BYTES or head[:4] != b"PK\3\4":
        raise zipfile.BadZipFile
    names = int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little")
    return member.header_offset + _LOCAL_BYTES + names


def is_archive(head: bytes) -> bool:
    """Whether the first 512 bytes belong to a zip, a tar, or a gzip, bzip2 or xz stream."""
    return head[:4] in (b"PK\3\4", b"PK\5\6") or head[257:262] == b"ustar" or _is_packed(head)


def archive_sources(path: Path) -> list[Source]:
    """The members of the archive at `path`; raises RefusedError for unsafe ones, ReadError."""
    try:
        with open(path, "rb") as file:
            head = file.read(512)
        return (
            _zip_sources(path) if head[:2] == b"PK" else _tar_sources(path, packed=_is_packed(head))
        )
    except (
        zipfile.BadZipFile,
        tarfile.TarError,
        zlib.error,
        EOFError,
        LookupError,
        NotImplementedError,
        UnicodeError,
        ValueError,
    ) as error:
        if isinstance(error, RefusedError):
            raise
        raise unreadable(str(path), "archive is corrupt; copy it again from the source") from None
    except OSError as error:
        if isinstance(error, ReadError):
            raise
        raise unreadable(
            str(path), f"archive cannot be read ({error.strerror or 'corrupt'})"
        ) from None


def check_member(name: str, *, archive: str, ordinal: int) -> None:
    """Refuse a name that points outside the archive: absolute, '..', a drive or backslash."""
    path = PurePosixPath(name)
    if (
        path.is_absolute()
        or ".." in path.parts
        or "\\" in name
        or "\0" in name
        or (len(name) > 1 and name[1] == ":")
    ):
        raise _refuse(archive, f"name of member {ordinal + 1} points outside the archive")


def _is_packed(head: bytes) -> bool:
    return head[:2] == b"\x1f\x8b" or head[:3] == b"BZh" or head[:6] == b"\xfd7zXZ\0"


def _refuse(archive: str, message: str) -> RefusedError:
    return RefusedError([Diagnostic("ARCHIVE", "refusal", message, archive)])


def _zip_sources(path: Path) -> list[Source]:
    file = SourceFile.of(path)
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
    if len(members) > MAX_MEMBERS or sum(member.file_size for member in members) > MAX_TOTAL:
        raise _refuse(
            str(path), f"archive exceeds {MAX_MEMBERS} members or {MAX_TOTAL} bytes uncompressed"
        )
    for index, member in enumerate(members):
        check_member(member.filename, archive=str(path), ordinal=index)
        if (member.external_attr >> 16) & 0o170000 == 0o120000:
            raise _refuse(str(path), f"member {index + 1} is a link")
        if member.file_size > MAX_MEMBER or member.file_size > MAX_RATIO * (
            member.compress_size + 64
        ):
            raise _refuse(
                str(path),
                f"member {index + 1} declares {member.file_size} bytes from {member.compress_size}",
            )
    files = sorted(
        (member for member in members if not member.is_dir()), key=lambda member: member.filename
    )
    inflated = InflatedOnce()
    return [_zip_source(file, member, ordinal, inflated) for ordinal, member in enumerate(files)]


def _zip_source(
    file: SourceFile, member: zipfile.ZipInfo, ordinal: int, inflated: InflatedOnce
) -> Source:
    name, size = printable(member.filename), member.file_size
    if member.compress_type == zipfile.ZIP_STORED and not member.flag_bits & 1:
        with file.stream() as stream:
            start = _content_start(member, stream)
        return FileSource(str(file.path), name, ordinal, size, start, modified_ns=file.modified_ns)
    return ZipSource(file, member, name, ordinal, size, inflated)


def _tar_sources(path: Path, *, packed: bool) -> list[Source]:
    if packed:
        holder = _unpacked(path)
        with holder.reader() as file:
            return _tar_members(file, path, holder)
    with open(path, "rb") as file:
        return _tar_members(file, path, None)


def _tar_members(file: IO[bytes], path: Path, holder: TempFile | None) -> list[Source]:
    members: list[tarfile.TarInfo] = []
    with tarfile.open(fileobj=file, mode="r:") as archive:
        for index, member in enumerate(archive):
            check_member(member.name, archive=str(path), ordinal=index)
            if not (member.isfile() or member.isdir()) or member.issparse():
                raise _refuse(str(path), f"member {index + 1} is not a regular file")
            if index >= MAX_MEMBERS:
                raise _refuse(str(path), f"archive exceeds {MAX_MEMBERS} members")
            members.append(member)
        file.seek(archive.offset)
        if file.read(_BLOCK).strip(b"\0") or file.tell() < archive.offset + _BLOCK:
            raise unreadable(str(path), "archive is truncated; its end marker is missing")
    files = sorted(
        (member for member in members if member.isfile()), key=lambda member: member.name
    )
    return [
        FileSource(
            str(path),
            printable(member.name),
            ordinal,
            member.size,
            member.offset_data,
            holder,
            modified_ns=path.stat().st_mtime_ns,
        )
        for ordinal, member in enumerate(files)
    ]


def _unpacked(path: Path) -> TempFile:
    """Decompress a tar into an unnamed temporary file, deleted with its last reader."""
    import bz2
    import gzip
    import lzma

    with open(path, "rb") as file:
        head = file.read(6)
    opener = gzip.open if head[:2] == b"\x1f\x8b" else bz2.open if head[:3] == b"BZh" else lzma.open
    holder = TempFile()
    try:
        with opener(path, "rb") as packed, holder.reader() as target:
            done = 0
            while chunk := packed.read(_CHUNK):
                done += len(chunk)
                if done > MAX_UNPACKED_TAR or done > MAX_RATIO * (path.stat().st_size + 64):
                    raise _refuse(
                        str(path), f"archive exceeds {MAX_UNPACKED_TAR} bytes uncompressed"
                    )
                target.write(chunk)
    except lzma.LZMAError:
        raise unreadable(str(path), "archive is corrupt; copy it again from the source") from None
    return holder
