"""Write files and folders atomically: to a temporary name, flushed to disk, then renamed."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path

from hounsfield.core.errors import HounsfieldError, WriteError
from hounsfield.core.file_system import open_flags, sync_folder, umask


@contextmanager
def atomic(path: Path, *, mode: int | None = None) -> Iterator[Path]:
    """Yield a temporary file (0600, same folder) that becomes `path` when the block succeeds.

    `mode` are its permissions (default: those of new files). The content is flushed before the file
    is renamed; a symbolic link at `path` is replaced. On failure the temporary file is removed,
    `path` is unchanged, and OSError becomes WriteError.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder, atomic(Path(folder) / "x.txt") as temporary:
    ...     _ = temporary.write_text("all of it")
    """
    with _one_line():
        temporary = _temporary(path)
        try:
            yield temporary
            _finish(temporary, path, mode=0o666 & ~umask() if mode is None else mode)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise


@contextmanager
def _one_line() -> Iterator[None]:
    """Convert errors of the operating system to WriteError."""
    try:
        yield
    except HounsfieldError:
        raise
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise WriteError(f"output cannot be written ({reason}); no partial file is left") from None


def write_bytes(path: Path, data: bytes, *, mode: int | None = None) -> None:
    """Write `data` to `path` atomically; `mode` are its permissions."""
    with atomic(path, mode=mode) as temporary:
        temporary.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` atomically, in UTF-8 with line feeds."""
    write_bytes(path, text.encode("utf-8"))


def _temporary(path: Path) -> Path:
    """A new empty file (0600) in the same folder, with a random name."""
    temporary = path.with_name(f".hounsfield-{secrets.token_hex(8)}.part")
    os.close(os.open(temporary, open_flags("O_CREAT", "O_EXCL", "O_WRONLY", "O_NOFOLLOW"), 0o600))
    return temporary


def _finish(temporary: Path, path: Path, *, mode: int) -> None:
    """Flush, set the permissions, rename, and flush the folder."""
    with temporary.open("rb+") as file:
        os.fsync(file.fileno())
    temporary.chmod(mode)
    temporary.replace(path)
    sync_folder(path.parent)


@contextmanager
def atomic_folder(
    path: Path, *, is_ours: Callable[[set[str]], bool] | None = None
) -> Iterator[Path]:
    """Yield a temporary folder (0700, same parent) that becomes `path` when the block succeeds.

    `is_ours` receives the names in an existing folder, which is replaced if it is empty or
    `is_ours` returns True; a link, a file and any other folder raise WriteError. None is for a path
    used by one process of this package only, such as a case of a locked run: an
    existing path is replaced, and missing parents are created. No other process uses the names of
    its temporary folders; `remove_partial` removes what a killed process has left.
    """
    with _one_line():
        if is_ours is not None:
            _check_ours(path, is_ours)
        part, old = _names(path, is_named=is_ours is None)
        if is_ours is None:
            path.parent.mkdir(parents=True, exist_ok=True)
        try:
            part.mkdir(mode=0o700)
            yield part
            _finish_folder(part, path, old)
        except BaseException:
            _remove(part)
            raise


def _check_ours(path: Path, is_ours: Callable[[set[str]], bool]) -> None:
    if path.is_symlink() or (path.exists() and not path.is_dir()):
        raise WriteError("output folder is an existing file or link; choose another folder")
    names = {item.name for item in path.iterdir()} if path.is_dir() else set()
    if names and not is_ours(names):
        raise WriteError("output folder contains other files; choose another folder")


def remove_partial(path: Path) -> None:
    """Remove the temporary folders of `path` that a killed process has left, if possible."""
    for kind in ("part", "old"):
        for found in path.parent.glob(f".{escape(path.name)}-{'[0-9a-f]' * 16}.{kind}"):
            with suppress(OSError):
                _remove(found)


def _names(path: Path, *, is_named: bool) -> tuple[Path, Path]:
    """Paths for the new folder and for the replaced one, in the parent of `path`."""
    stem = f".{path.name if is_named else 'hounsfield'}-{secrets.token_hex(8)}"
    return path.with_name(f"{stem}.part"), path.with_name(f"{stem}.old")


def _finish_folder(part: Path, path: Path, old: Path) -> None:
    """Flush all files, set the default permissions of new files, rename, and flush the parent."""
    mode = ~umask()
    for item in [*part.rglob("*"), part]:
        if item.is_dir():
            sync_folder(item)
            item.chmod(0o777 & mode)
        else:
            with item.open("rb+") as file:
                os.fsync(file.fileno())
            item.chmod(0o666 & mode)
    exists = path.is_symlink() or path.exists()
    if exists:
        path.rename(old)
    try:
        part.rename(path)
    except BaseException:
        if exists and not path.exists():
            old.rename(path)
        raise
    with suppress(OSError):
        _remove(old)
    sync_folder(path.parent)


def _remove(path: Path) -> None:
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.exists():
        shutil.rmtree(path)
