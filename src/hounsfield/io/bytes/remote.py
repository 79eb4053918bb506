"""Files at URLs, through fsspec: list them, read ranges of them, copy them from and to a folder."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import (
    HounsfieldError,
    MissingExtraError,
    MissingFileError,
    ReadError,
    WriteError,
    unreadable,
)

_URL = re.compile(r"(?:file:/{1,3}|[a-z][a-z0-9+.-]+:/{1,2})(?=[^/])")
"""The start of a URL; pathlib removes one of its two slashes."""

DICOMWEB = "dicomweb+"
"""The start of URLs that are no files."""

AT_ONCE = 256
"""Ranges that are requested at once: S3 answers thousands in a second."""

EXTRAS = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs"}
"""The package that fsspec needs for a protocol, where it is not part of fsspec."""

OBJECT_STORES = {"s3", "s3a", "gs", "gcs", "abfs", "az", "oss"}
"""Protocols without folders, where fsspec's makedirs would create a bucket of a mistyped name."""


def url_of(path: str | os.PathLike[str]) -> str:
    """Return a path as URL, with both slashes; '' if it is none.

    >>> url_of(Path("s3://bucket/scans")), url_of("scans/a.nii.gz")
    ('s3://bucket/scans', '')
    >>> url_of(Path("file:///data/out"))
    'file:///data/out'
    """
    text = os.fspath(path)
    start = _URL.match(text)
    if start is None or text.startswith(DICOMWEB) or os.path.exists(text):
        return ""
    protocol = start[0].rstrip("/")
    return f"{protocol}//{'/' if protocol == 'file:' else ''}{text[start.end() :]}"


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file at a URL: its path in its file system, its size, and its version.

    The version changes with the content (an ETag), or is '' if the server states none.
    """

    path: str
    size: int
    version: str = ""


@dataclass(frozen=True, slots=True)
class RemoteFolder:
    """A URL with the files at or below it; names of files are relative to `root`."""

    url: str
    root: str
    files: tuple[RemoteFile, ...]

    def name(self, file: RemoteFile) -> str:
        """Return the name of a file relative to the root."""
        return file.path.removeprefix(self.root).lstrip("/") or PurePosixPath(file.path).name

    def only(self, names: Collection[str]) -> RemoteFolder:
        """Return the folder with the files of these names alone."""
        files = tuple(file for file in self.files if self.name(file) in names)
        return RemoteFolder(self.url, self.root, files)


def file_system(url: str) -> tuple[Any, str]:
    """Return the fsspec file system of a URL and the path in it.

    Raises MissingExtraError, or ReadError for an unknown protocol.
    """
    try:
        import fsspec
    except ImportError:
        raise MissingExtraError(
            "a URL requires fsspec; install it: pip install 'hounsfield[remote]'"
        ) from None
    protocol = url.partition("://")[0]
    try:
        found, path = fsspec.core.url_to_fs(url)
        return found, str(path)
    except ImportError:
        package = EXTRAS.get(protocol, "the package that fsspec names")
        raise MissingExtraError(
            f"URLs of the protocol '{protocol}' require {package}; install it: pip install "
            f"{EXTRAS.get(protocol, 'fsspec[full]')}"
        ) from None
    except ValueError:
        message = f"unknown protocol '{protocol}'; expected one of fsspec, such as s3, gs or https"
        raise unreadable(url, message) from None


def make_parent(system: Any, path: str) -> None:
    """Create the folder of a file, which object stores do not need; a bucket is never created."""
    names = system.protocol
    if not OBJECT_STORES.intersection((names,) if isinstance(names, str) else names):
        system.makedirs(path.rpartition("/")[0], exist_ok=True)


def list_files(url: str) -> RemoteFolder:
    """List the files at a URL: a file, all below a folder, or those that match a pattern.

    They are sorted by path. Raises ReadError, MissingFileError if nothing is there.
    """
    system, path = file_system(url)
    with _reading(url):
        is_pattern = any(letter in path for letter in "*?[") and not system.exists(path)
        if is_pattern:
            found = system.glob(path, detail=True)
            root = re.split(r"[*?\[]", path)[0].rpartition("/")[0]
        else:
            found = system.find(path, detail=True)
            root = path.rstrip("/")
        files = [
            RemoteFile(str(each["name"]), int(each["size"] or 0), _version(each))
            for each in found.values()
            if each.get("type") == "file"
        ]
        if not files and not is_pattern and system.isfile(path):
            each = system.info(path)
            files = [RemoteFile(path, int(each["size"] or 0), _version(each))]
    if not files:
        raise _nothing_at(url)
    return RemoteFolder(url, root, tuple(sorted(files, key=lambda file: file.path)))


def _version(info: dict[str, Any]) -> str:
    """Return the ETag or the like of a file with its size; '' if there is none."""
    tag = next(
        (str(info[key]) for key in ("ETag", "etag", "md5Hash", "mtime") if info.get(key)), ""
    )
    return f"{info['size']}:{tag}" if tag else ""


def joined_version(files: Iterable[RemoteFile]) -> str:
    """Return one version of several files, independent of their order; '' if one has none."""
    versions = sorted(file.version for file in files)
    if not versions or "" in versions:
        return ""
    return hashlib.sha256("\n".join(versions).encode()).hexdigest()


def read_heads(url: str, files: Sequence[RemoteFile], count: int) -> list[bytes]:
    """Return the first `count` bytes of each file; raises ReadError."""
    system, _ = file_system(url)
    heads: list[bytes] = []
    with _reading(url):
        for first in range(0, len(files), AT_ONCE):
            part = files[first : first + AT_ONCE]
            stops = [min(file.size, count) for file in part]
            heads += system.cat_ranges([f.path for f in part], [0] * len(part), stops)
    return heads


def read_range(url: str, path: str, start: int, stop: int) -> bytes:
    """Return the bytes of a file from `start` to `stop`; raises ReadError."""
    if stop <= start:
        return b""
    system, _ = file_system(url)
    with _reading(url):
        return bytes(system.cat_file(path, start=start, end=stop))


def download(folder: RemoteFolder, target: Path) -> None:
    """Copy files to a folder under their names, several at once.

    Raises ReadError, SOURCE_CHANGED if a file has another size than when it was listed.
    """
    system, _ = file_system(folder.url)
    names = [folder.name(file) for file in folder.files]
    for name in names:
        if name.startswith("/") or ".." in PurePosixPath(name).parts:
            raise unreadable(folder.url, "a name of a file leads out of its folder; rename it")
        (target / name).parent.mkdir(parents=True, exist_ok=True)
    paths = [file.path for file in folder.files]
    with _reading(folder.url):
        system.get_file(paths[0], str(target / names[0])) if len(paths) == 1 else system.get(
            paths, [str(target / name) for name in names]
        )
    sizes = [(target / name).stat().st_size for name in names]
    if sizes != [file.size for file in folder.files]:
        message = "a file has changed since it was found; run again"
        raise ReadError(Diagnostic("SOURCE_CHANGED", "refusal", message, folder.url))


@contextmanager
def _reading(url: str) -> Iterator[None]:
    """Convert errors of fsspec and its file systems, whose text may hold keys, to one line."""
    try:
        yield
    except HounsfieldError:
        raise
    except FileNotFoundError:
        raise _nothing_at(url) from None
    except Exception as error:  # each file system has errors of its own
        raise unreadable(url, f"{_reason(error)}; check the URL and the credentials") from None


@contextmanager
def writing(url: str) -> Iterator[None]:
    """Convert errors of fsspec and its file systems, whose text may hold keys, to one line."""
    try:
        yield
    except HounsfieldError:
        raise
    except Exception as error:  # each file system has errors of its own
        message = f"{_reason(error)}; check the URL, the credentials and the permissions"
        raise WriteError(Diagnostic("WRITE", "refusal", message, url)) from None


def _nothing_at(url: str) -> MissingFileError:
    return MissingFileError(
        Diagnostic(MissingFileError.code, "refusal", "no such file or folder", url)
    )


def _reason(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is no such bucket or folder"
    if isinstance(error, PermissionError):
        return "access is denied"
    if isinstance(error, TimeoutError):
        return "the server does not answer"
    return f"the server or file system failed ({type(error).__name__})"
