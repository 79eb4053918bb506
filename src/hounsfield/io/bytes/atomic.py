"""Write files and folders atomically: to a temporary name, flushed to disk, then renamed."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hounsfield.core.errors import HounsfieldError, WriteError
from hounsfield.core.file_system import open_flags, sync_folder, umask


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary file (0600, same folder) that becomes `path` when the block succeeds.

    The content is flushed before the file is renamed; a symbolic link at `path` is replaced. On
    failure the temporary file is removed, `path` is unchanged, and OSError becomes WriteError.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder, atomic(Path(folder) / "x.txt") as temporary:
    ...     _ = temporary.write_text("all of it")
    """
    with _one_line():
        temporary = _temporary(path)
        try:
            yield temporary
            _finish(temporary, path)
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


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` to `path` atomically."""
    with atomic(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` atomically, in UTF-8 with line feeds."""
    write_bytes(path, text.encode("utf-8"))


def _temporary(path: Path) -> Path:
    """A new empty file (0600) in the same folder, with a random name."""
    temporary = path.with_name(f".hounsfield-{secrets.token_hex(8)}.part")
    os.close(os.open(temporary, open_flags("O_CREAT", "O_EXCL", "O_WRONLY", "O_NOFOLLOW"), 0o600))
    return temporary


def _finish(temporary: Path, path: Path) -> None:
    """Flush, set the default permissions of new files, rename, and flush the folder."""
    with temporary.open("rb+") as file:
        os.fsync(file.fileno())
    temporary.chmod(0o666 & ~umask())
    temporary.replace(path)
    sync_folder(path.parent)


@contextmanager
def atomic_folder(path: Path, *, is_ours: Callable[[set[str]], bool]) -> Iterator[Path]:
    """Yield a temporary folder (0700) that becomes `path` when the block succeeds.

    An existing folder is replaced if it is empty or `is_ours` accepts its file names. Raises
    WriteError for a link, a file or any other folder at `path`.
    """
    if path.is_symlink() or (path.exists() and not path.is_dir()):
        raise WriteError("output folder is an existing file or link; choose another folder")
    with _one_line():
        names = {item.name for item in path.iterdir()} if path.is_dir() else set()
        if names and not is_ours(names):
            raise WriteError("output folder contains other files; choose another folder")
        temporary = path.with_name(f".hounsfield-{secrets.token_hex(8)}.part")
        temporary.mkdir(mode=0o700)
        try:
            yield temporary
            _finish_folder(temporary, path)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise


def _finish_folder(temporary: Path, path: Path) -> None:
    mode = 0o666 & ~umask()
    for item in temporary.iterdir():
        with item.open("rb+") as file:
            os.fsync(file.fileno())
        item.chmod(mode)
    temporary.chmod(0o777 & ~umask())
    earlier = None
    if path.is_dir():
        earlier = path.with_name(f".hounsfield-{secrets.token_hex(8)}.old")
        path.rename(earlier)
    try:
        temporary.rename(path)
    except OSError:
        if earlier is not None:
            earlier.rename(path)
        raise
    if earlier is not None:
        shutil.rmtree(earlier, ignore_errors=True)
    sync_folder(path.parent)
