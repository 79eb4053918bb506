"""File operations that differ between operating systems: flags, modes, locks and flushing.

Each has a fallback. Renaming needs none: `Path.replace` is atomic on every system.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DISK_ERRORS = (errno.EIO, errno.ENOSPC, errno.EDQUOT)
"""Errors of a flush that mean lost data; others mean that the file system cannot flush a folder."""

NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK)
"""Errors of a hard link on a file system without hard links."""

LOCKED_BYTE = 1 << 30
"""Offset of the byte locked on Windows, beyond the text of a lock file, which must be readable."""

_seek = threading.Lock()


def open_flags(*names: str) -> int:
    """Return flags of `os.open` by name, with O_CLOEXEC and O_BINARY; unknown ones are skipped."""
    flags = 0
    for name in (*names, "O_CLOEXEC", "O_BINARY"):
        flags |= getattr(os, name, 0)
    return flags


def read_at(handle: int, count: int, start: int) -> bytes:
    """Return at most `count` bytes of an open file from `start`; threads may share the handle."""
    if hasattr(os, "pread"):
        return os.pread(handle, count, start)
    with _seek:
        os.lseek(handle, start, os.SEEK_SET)
        return os.read(handle, count)


def read_into_at(handle: int, buffer: memoryview, start: int) -> int:
    """Fill `buffer` from `start` of an open file in one call; return the number of bytes read."""
    if hasattr(os, "preadv"):
        return os.preadv(handle, [buffer], start)
    data = read_at(handle, len(buffer), start)
    buffer[: len(data)] = data
    return len(data)


def write_at(handle: int, data: bytes, start: int) -> int:
    """Write to an open file from `start`; return the number of bytes written."""
    if hasattr(os, "pwrite"):
        return os.pwrite(handle, data, start)
    with _seek:
        os.lseek(handle, start, os.SEEK_SET)
        return os.write(handle, data)


def umask() -> int:
    """Return the umask of this process.

    It is read from /proc, because `os.umask` would change it for other threads; on systems without
    /proc the result is 0o077.
    """
    with suppress(OSError), open("/proc/self/status", encoding="ascii", errors="replace") as status:
        for line in status:
            if line.startswith("Umask:"):
                return int(line.split()[1], 8)
    return 0o077


def is_open_to_others(handle: int) -> bool:
    """Return whether other users may access an open file; False on systems without file modes."""
    return hasattr(os, "geteuid") and bool(os.fstat(handle).st_mode & 0o077)


def sync_folder(path: Path) -> None:
    """Flush a folder's entries to disk, if the system can; raises OSError if the disk fails."""
    try:
        handle = os.open(path, open_flags("O_RDONLY", "O_DIRECTORY"))
    except PermissionError:  # Windows opens no folder
        return
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno in DISK_ERRORS:
            raise
    finally:
        os.close(handle)


def rename_new(source: Path, target: Path) -> None:
    """Rename the private file `source` to `target`; raise FileExistsError if that exists.

    In either case `source` is removed.
    """
    try:
        if not _linked(source, target):
            handle = os.open(target, open_flags("O_WRONLY", "O_CREAT", "O_EXCL"), 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(source.read_bytes())
                file.flush()
                os.fsync(file.fileno())
    finally:
        source.unlink()


def _linked(source: Path, target: Path) -> bool:
    if not hasattr(os, "link"):
        return False
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno in NO_LINKS:
            return False
        raise
    return True


@dataclass(frozen=True, slots=True)
class FileLock:
    """A locked file; calling it unlocks and removes the file.

    `handle` is the open file. Where `is_shared` is true, the lock belongs to the open file and not
    to the process: a child that inherits the handle has the lock too, until the last of them ends.
    """

    path: Path
    handle: int
    is_shared: bool

    def __call__(self) -> None:
        """Unlock and remove the file; it stays if a child still has the lock."""
        (_leave if self.is_shared else _unlock)(self.path, self.handle)


def lock_file(path: Path) -> FileLock:
    """Create and lock the lock file `path`; calling the result unlocks and removes it.

    The system unlocks it when the process ends for any reason. On systems without file locks the
    existence of the file is the lock, and the file of a killed process must be removed manually.

    Raises
    ------
    BlockingIOError
        If another process has locked it; the text is its process ID, if known.
    OSError
        If the file cannot be created or locked.
    """
    lock = _system_lock()
    if lock is None:
        return FileLock(path, _created(path), is_shared=False)
    return FileLock(path, _locked(path, lock), is_shared=lock is _flock)


def _system_lock() -> Callable[[int], None] | None:
    """The non-blocking lock function, which raises OSError; None if the system has none."""
    with suppress(ImportError):
        import fcntl  # noqa: F401

        return _flock
    with suppress(ImportError):
        import msvcrt

        return lambda handle: _lock_byte(handle, msvcrt)
    return None


def _flock(handle: int) -> None:
    """Lock an open file for itself and its duplicates, unlike the locks of lockf(3)."""
    import fcntl

    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _lock_byte(handle: int, msvcrt: Any) -> None:
    os.lseek(handle, LOCKED_BYTE, os.SEEK_SET)
    try:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
    except OSError:
        raise BlockingIOError from None


def _locked(path: Path, lock: Callable[[int], None]) -> int:
    while True:
        handle = os.open(path, open_flags("O_RDWR", "O_CREAT", "O_NOFOLLOW"), 0o644)
        try:
            lock(handle)
            # A previous owner may have removed this file after we opened it; then lock the new one.
            if _is_at(path, handle):
                _write_owner(handle)
                return handle
        except BlockingIOError:
            owner = _owner(handle)
            os.close(handle)
            raise BlockingIOError(owner) from None
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


def _is_at(path: Path, handle: int) -> bool:
    """Whether `path` is still the open file."""
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(handle), path.stat())
    return False


def _created(path: Path) -> int:
    """Lock by creating the file, on a system without file locks."""
    try:
        handle = os.open(path, open_flags("O_RDWR", "O_CREAT", "O_EXCL"), 0o644)
    except FileExistsError:
        with open(path, "rb") as file:
            raise BlockingIOError(_owner(file.fileno())) from None
    _write_owner(handle)
    return handle


def _owner(handle: int) -> str:
    return read_at(handle, 32, 0).decode("ascii", "replace").strip()


def _write_owner(handle: int) -> None:
    os.ftruncate(handle, 0)
    write_at(handle, f"{os.getpid()}\n".encode(), 0)


def _unlock(path: Path, handle: int) -> None:
    """Remove the file before it is unlocked; Windows can only remove it once it is closed."""
    try:
        path.unlink()
        os.close(handle)
    except OSError:
        os.close(handle)
        with suppress(OSError):
            path.unlink()


def _leave(path: Path, handle: int) -> None:
    """Close a file lock, and remove the file if that was the last handle of it."""
    os.close(handle)
    with suppress(OSError):
        handle = os.open(path, open_flags("O_RDWR", "O_NOFOLLOW"))
        try:
            _flock(handle)  # not if a child, or by now another run, has the lock
            if _is_at(path, handle):
                path.unlink()
        finally:
            os.close(handle)
