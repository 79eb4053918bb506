"""Files where operating systems differ: flags, modes, locks, flushing, each with a fall-back.

Renaming needs nothing here: `Path.replace` is atomic on every system.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

DISK_ERRORS = (errno.EIO, errno.ENOSPC, errno.EDQUOT)
"""Errors of a flush that mean lost data; the others mean that a file system cannot flush a folder."""

NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK)
"""Errors of a hard link on a file system that has none."""

LOCKED_BYTE = 1 << 30
"""The byte that Windows locks: beyond the text of a lock file, which others may read."""

_seek = threading.Lock()


def open_flags(*names: str) -> int:
    """Return the flags of `os.open` by name, for bytes and closed in child processes; those unknown here are left out."""
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
    """Fill `buffer` from `start` of an open file as far as one call goes; returns how many bytes came."""
    if hasattr(os, "preadv"):
        return os.preadv(handle, [buffer], start)
    data = read_at(handle, len(buffer), start)
    buffer[: len(data)] = data
    return len(data)


def write_at(handle: int, data: bytes, start: int) -> int:
    """Write to an open file from `start`; returns how many bytes went."""
    if hasattr(os, "pwrite"):
        return os.pwrite(handle, data, start)
    with _seek:
        os.lseek(handle, start, os.SEEK_SET)
        return os.write(handle, data)


def umask() -> int:
    """Return the permissions that this process withholds from new files.

    Linux tells without changing them, which no other thread may see; elsewhere all but the owner's are withheld.
    """
    with suppress(OSError), open("/proc/self/status", encoding="ascii", errors="replace") as status:
        for line in status:
            if line.startswith("Umask:"):
                return int(line.split()[1], 8)
    return 0o077


def is_open_to_others(handle: int) -> bool:
    """Return whether the modes of an open file let other users in; never where a system has no such modes."""
    return hasattr(os, "geteuid") and bool(os.fstat(handle).st_mode & 0o077)


def sync_folder(path: Path) -> None:
    """Flush the names in a folder to disk, where the system can; raises OSError where the disk refuses."""
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
    """Give the private file `source` the new name `target`; where it is taken, raise FileExistsError.

    Either way nothing is left at `source`.
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


def lock_file(path: Path) -> Callable[[], None]:
    """Lock `path`, a file that is made for it, and return what unlocks and removes it.

    The system unlocks it when the process ends, however it ends; where it has no locks, the file itself is the lock,
    and one that a killed process left has to be removed by hand.

    Raises
    ------
    BlockingIOError
        Where another process has locked it; its text is the other's process number, where that is known.
    OSError
        Where it cannot be made or locked.
    """
    lock = _system_lock()
    return _created(path) if lock is None else _locked(path, lock)


def _system_lock() -> Callable[[int], None] | None:
    """What locks an open file or raises OSError at once: flock, or Windows' own; None where there is neither."""
    with suppress(ImportError):
        import fcntl

        return lambda handle: fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with suppress(ImportError):
        import msvcrt

        return lambda handle: _lock_byte(handle, msvcrt)
    return None


def _lock_byte(handle: int, msvcrt: Any) -> None:
    os.lseek(handle, LOCKED_BYTE, os.SEEK_SET)
    try:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
    except OSError:
        raise BlockingIOError from None


def _locked(path: Path, lock: Callable[[int], None]) -> Callable[[], None]:
    while True:
        handle = os.open(path, open_flags("O_RDWR", "O_CREAT", "O_NOFOLLOW"), 0o644)
        try:
            lock(handle)
            # An owner before us may have removed the very file that we have just locked: it locks nobody out.
            if _is_at(path, handle):
                _sign(handle)
                return lambda: _unlock(path, handle)
        except BlockingIOError:
            owner = _owner(handle)
            os.close(handle)
            raise BlockingIOError(owner) from None
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


def _is_at(path: Path, handle: int) -> bool:
    """Whether an open file is still the one at `path`."""
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(handle), path.stat())
    return False


def _created(path: Path) -> Callable[[], None]:
    """The lock that is the file's existence."""
    try:
        handle = os.open(path, open_flags("O_RDWR", "O_CREAT", "O_EXCL"), 0o644)
    except FileExistsError:
        with open(path, "rb") as file:
            raise BlockingIOError(_owner(file.fileno())) from None
    _sign(handle)
    return lambda: _unlock(path, handle)


def _owner(handle: int) -> str:
    return read_at(handle, 32, 0).decode("ascii", "replace").strip()


def _sign(handle: int) -> None:
    os.ftruncate(handle, 0)
    write_at(handle, f"{os.getpid()}\n".encode(), 0)


def _unlock(path: Path, handle: int) -> None:
    """Remove the file before it is unlocked; Windows removes none that is open."""
    try:
        path.unlink()
        os.close(handle)
    except OSError:
        os.close(handle)
        with suppress(OSError):
            path.unlink()
