"""Processors, memory, signals and processes across operating systems, each with a fallback."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from hounsfield.core.errors import HounsfieldError

if TYPE_CHECKING:
    from mmap import mmap
    from multiprocessing.context import SpawnContext

THREADS_VARIABLE = "HOUNSFIELD_THREADS"
"""The environment variable that limits the threads of this process."""

ASSUMED_FREE_BYTES = 4 << 30
"""Free memory assumed if the system does not report it: that of a small workstation."""

GROUP_FILES = (
    ("memory.max", "memory.current", "inactive_file "),
    ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file "),
)
"""Limit, usage and cache of a control group, of cgroup v2 and v1."""

_threads: int | None = None


# Threads


def thread_count() -> int:
    """Return the maximum number of threads of a kernel, a decoder or a hash.

    It is the limit of `set_threads`, else HOUNSFIELD_THREADS, else the number of processors that
    this process may run on.

    Raises
    ------
    HounsfieldError
        If HOUNSFIELD_THREADS is not a positive whole number.
    """
    if _threads is not None:
        return _threads
    text = os.environ.get(THREADS_VARIABLE, "").strip()
    if not text:
        return _processors()
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise HounsfieldError(
            f"{THREADS_VARIABLE} is '{text}'; expected a positive whole number: "
            "set it to 1 or more, or unset it"
        )
    return int(text)


def set_threads(count: int | None) -> None:
    """Limit the threads of this process.

    Parameters
    ----------
    count : int or None
        Maximum number of threads of a kernel, a decoder or a hash, at least 1; None removes the
        limit, so that HOUNSFIELD_THREADS or the number of processors applies.

    Raises
    ------
    HounsfieldError
        If `count` is not a positive integer.

    Examples
    --------
    >>> set_threads(1)
    >>> thread_count()
    1
    >>> set_threads(None)
    """
    global _threads
    is_number = isinstance(count, int) and not isinstance(count, bool)
    if count is not None and not (is_number and count >= 1):
        raise HounsfieldError(f"{count!r} threads; expected 1 or more, or None for all processors")
    _threads = count


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


# Memory


def free_memory_bytes() -> int:
    """Return the memory available without swapping, or a control group's limit if that is less."""
    system = _available_bytes()
    found = [_physical_bytes() if system is None else system, *_group_bytes()]
    return max(0, min(found))


def check_available(count: int) -> None:
    """Raise MemoryError if the system does not give `count` bytes; they are not used.

    For what does not fail cleanly when memory is short, such as loading a library.
    """
    from mmap import mmap

    try:
        mmap(-1, count).close()
    except OSError:
        raise MemoryError from None


def peak_memory_bytes() -> int:
    """Return the peak memory of this process in bytes; 0 if the system does not report it."""
    try:
        import resource
    except ImportError:
        return _kilobytes(Path("/proc/self/status"), "VmHWM:") or 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if _is_macos() else peak << 10


def _is_macos() -> bool:
    """Whether getrusage counts bytes, as on macOS, instead of kilobytes."""
    return hasattr(os, "uname") and os.uname().sysname == "Darwin"


def _available_bytes() -> int | None:
    return _kilobytes(Path("/proc/meminfo"), "MemAvailable:")


def _kilobytes(path: Path, name: str) -> int | None:
    """The value, in bytes, of a line such as 'VmHWM:  1234 kB' of a /proc file; None if missing."""
    found = _number(path, name)
    return None if found is None else found << 10


def _number(path: Path, name: str) -> int | None:
    """The integer after `name` at the start of a line; None if missing."""
    with suppress(OSError, ValueError, IndexError):
        for line in path.read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith(name):
                return int(line.split()[1])
    return None


def _physical_bytes() -> int:
    with suppress(AttributeError, ValueError, OSError):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return ASSUMED_FREE_BYTES


def _group_bytes(
    root: Path = Path("/sys/fs/cgroup"), groups: Path = Path("/proc/self/cgroup")
) -> Iterator[int]:
    """The memory left within the limits of this process's control groups and their parents.

    Inactive file pages count as free, because the system reclaims them first.
    """
    for folder in _group_folders(root, groups):
        for limit, used, cache in GROUP_FILES:
            with suppress(OSError, ValueError):  # 'max' means no limit
                most = int((folder / limit).read_text("ascii"))
                unused = (_number(folder / "memory.stat", cache) or 0) - int(
                    (folder / used).read_text("ascii")
                )
                yield min(most, most + unused)


def _group_folders(root: Path, groups: Path) -> Iterator[Path]:
    """The folders of memory control groups, of cgroup v2 and v1."""
    yield from (root, root / "memory")
    with suppress(OSError, ValueError):
        for line in groups.read_text(encoding="utf-8", errors="replace").splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers == "" or "memory" in controllers.split(","):
                inner = PurePosixPath(path.lstrip("/"))
                base = root / "memory" if controllers else root
                yield from (base / part for part in (inner, *inner.parents))


def release_pages(pages: mmap) -> None:
    """Advise the system to drop a mapped file's pages from memory, if it supports that."""
    import mmap as module

    advice = getattr(module, "MADV_DONTNEED", None)
    if advice is not None and hasattr(pages, "madvise"):
        pages.madvise(advice)


# Signals and processes


@contextmanager
def handling(name: str, handler: Any) -> Iterator[None]:
    """Handle a signal such as 'SIGTERM' within the block, if system and thread allow it."""
    before = set_signal(name, handler)
    try:
        yield
    finally:
        if before is not None:
            set_signal(name, before)


def set_signal(name: str, handler: Any) -> Any:
    """Set the handler of a signal and return the previous one; None if that is not possible."""
    number = getattr(signal, name, None)
    if number is None or threading.current_thread() is not threading.main_thread():
        return None
    with suppress(ValueError, OSError):
        return signal.signal(number, handler)
    return None


@contextmanager
def without_signal(name: str) -> Iterator[None]:
    """Hold back a signal within the block; a process started in it never receives the signal."""
    number = getattr(signal, name, None)
    if number is None or not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {number})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


ignored = signal.SIG_IGN
"""The handler of a signal that is ignored."""


def ignore_signal(name: str) -> None:
    """Ignore a signal, if system and thread allow it."""
    set_signal(name, ignored)


def process_context() -> SpawnContext:
    """Return the spawn context for all systems; fork is unsafe in a process with threads."""
    import multiprocessing
    from multiprocessing import resource_tracker

    if hasattr(signal, "pthread_sigmask"):  # what starts it later would end `without_signal`
        resource_tracker.ensure_running()
    return multiprocessing.get_context("spawn")
