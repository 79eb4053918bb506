"""OUT/.lock: one run at a time writes to an output folder, and its workers have the lock too."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hounsfield.core.errors import WriteError
from hounsfield.core.file_system import FileLock, lock_file, write_at
from hounsfield.core.processes import exists

NAME = ".lock"

ORPHAN_SECONDS = 10.0
"""How long a run waits for the workers of a run that has been killed. The system ends them within
milliseconds, but not before a write to a slow disk has ended."""

_RETRY_SECONDS = 0.05

_locks: dict[str, FileLock] = {}
"""The locks of this process by folder."""


@contextmanager
def locked(out: Path) -> Iterator[None]:
    """Lock the output folder `out` within the block.

    On systems with file locks the lock ends with its process and the workers that have a share of
    it. Raises WriteError if another run has the lock.
    """
    name = os.path.realpath(out)
    lock = _lock(out)
    _locks[name] = lock
    try:
        yield
    finally:
        del _locks[name]
        lock()


def _lock(out: Path) -> FileLock:
    """Return the lock, once the workers of a run that has ended have ended too."""
    limit = time.monotonic() + ORPHAN_SECONDS
    while True:
        try:
            return lock_file(out / NAME)
        except BlockingIOError as error:
            owner, has_ended = _owner(str(error))
            if not has_ended or time.monotonic() > limit:
                raise _in_use(owner, has_ended=has_ended) from None
            _end_orphans(out / NAME)
        except OSError as error:
            raise WriteError(
                f"the output folder cannot be locked ({error.strerror}); use another folder"
            ) from None
        time.sleep(_RETRY_SECONDS)


def _owner(text: str) -> tuple[str, bool]:
    """Return the process of a lock, and whether it is known to have ended."""
    first = text.partition("\n")[0]
    known = first.isascii() and first.isdigit()
    return (first, not exists(int(first))) if known else ("unknown", False)


def note_worker(out: Path, process: int) -> None:
    """Write a worker's process ID into the lock file, after that of the run."""
    lock = _locks.get(os.path.realpath(out))
    if lock is not None and lock.is_shared:
        with suppress(OSError):
            write_at(lock.handle, f"{process}\n".encode(), os.fstat(lock.handle).st_size)


def _end_orphans(file: Path) -> None:
    """Kill the workers of a run that has ended, which were stopped before they could end with it.

    A process is one of them if its ID is in the lock file and it has the file open, as /proc shows.
    """
    with suppress(OSError):
        for line in file.read_text(encoding="ascii", errors="replace").splitlines()[1:]:
            if line.isascii() and line.isdigit() and _has_open(int(line), file):
                os.kill(int(line), signal.SIGKILL)


def _has_open(process: int, file: Path) -> bool:
    for handle in Path(f"/proc/{process}/fd").glob("*"):
        with suppress(OSError):
            if os.path.samestat(handle.stat(), file.stat()):
                return True
    return False


def _in_use(owner: str, *, has_ended: bool) -> WriteError:
    """Return the error of a folder that another run has locked."""
    if has_ended:
        return WriteError(
            f"another run (process {owner}) has ended, but its workers have not and may still "
            "write to the output folder: wait for them or end them"
        )
    return WriteError(
        f"another run (process {owner}) writes to the output folder: wait for it to end or use "
        f"another folder; if no such process runs, remove {NAME} from the folder"
    )


@dataclass(frozen=True, slots=True)
class LockShare:
    """The lock of an output folder, for a worker process that is being started.

    The worker that unpickles it has the lock until it ends, so that no other run begins before.
    """

    out: Path

    def __reduce__(self) -> tuple[Any, ...]:
        from multiprocessing.context import get_spawning_popen
        from multiprocessing.reduction import DupFd

        lock = _locks.get(os.path.realpath(self.out))
        if lock is None or not lock.is_shared or get_spawning_popen() is None:
            return (LockShare, (self.out,))
        return (_received, (self.out, DupFd(lock.handle)))


def _received(out: Path, handle: Any) -> LockShare:
    """Keep the handle open in the worker; programs that the worker starts do not get it."""
    os.set_inheritable(handle.detach(), False)
    return LockShare(out)


def _forget() -> None:
    """Close the locks in a forked process, which is no worker."""
    for lock in _locks.values():
        os.close(lock.handle)
    _locks.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
