"""Processors, memory, signals and processes where operating systems differ, each with a fall-back."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from hounsfield.core.errors import HounsfieldError

if TYPE_CHECKING:
    from mmap import mmap
    from multiprocessing.context import SpawnContext

THREADS_VARIABLE = "HOUNSFIELD_THREADS"
"""The environment variable that bounds the threads of this process."""

ASSUMED_FREE_BYTES = 4 << 30
"""Free memory where the system tells nothing: what a small workstation has left."""

GROUP_FILES = (
    ("memory.max", "memory.current", "inactive_file "),
    ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file "),
)
"""Limit, use and cache of a control group, of version 2 and of version 1."""

_threads: int | None = None


# Threads


def thread_count() -> int:
    """Return how many threads a kernel, a decoder or a hash may use.

    It is the bound of `set_threads`, else HOUNSFIELD_THREADS, else the number of processors that
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
            f"{THREADS_VARIABLE} is '{text}'; expected a positive whole number: set it to 1 or more, or unset it"
        )
    return int(text)


def set_threads(count: int | None) -> None:
    """Bound the threads of this process.

    Parameters
    ----------
    count
        The most threads that a kernel, a decoder or a hash may use, at least 1; None removes the
        bound, so that HOUNSFIELD_THREADS or the processors decide.

    Raises
    ------
    HounsfieldError
        If `count` is not positive.

    Examples
    --------
    >>> set_threads(1)
    >>> thread_count()
    1
    >>> set_threads(None)
    """
    global _threads
    if count is not None and count < 1:
        raise HounsfieldError(f"{count} threads; expected 1 or more, or None for all processors")
    _threads = count


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


# Memory


def free_memory_bytes() -> int:
    """Return what the system can give without swapping, or a control group's limit where that is less."""
    system = _available_bytes()
    found = [_physical_bytes() if system is None else system, *_group_bytes()]
    return max(0, min(found))


def peak_memory_bytes() -> int:
    """Return the most memory that this process has had, bytes; 0 where the system does not tell."""
    try:
        import resource
    except ImportError:
        return _kilobytes(Path("/proc/self/status"), "VmHWM:") or 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if _is_macos() else peak << 10


def _is_macos() -> bool:
    """Whether getrusage counts bytes, as macOS does, and not kilobytes."""
    return hasattr(os, "uname") and os.uname().sysname == "Darwin"


def _available_bytes() -> int | None:
    return _kilobytes(Path("/proc/meminfo"), "MemAvailable:")


def _kilobytes(path: Path, name: str) -> int | None:
    """The value, in bytes, of a line such as 'VmHWM:  1234 kB' of a file of Linux; None where there is none."""
    found = _number(path, name)
    return None if found is None else found << 10


def _number(path: Path, name: str) -> int | None:
    """The number after a name at the beginning of a line."""
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
    """What is left within the limits of this process's control groups and of those above them.

    Pages of files that were not used lately count as free, as the system drops them first.
    """
    for folder in _group_folders(root, groups):
        for limit, used, cache in GROUP_FILES:
            with suppress(OSError, ValueError):  # 'max' is no limit
                most = int((folder / limit).read_text("ascii"))
                unused = (_number(folder / "memory.stat", cache) or 0) - int(
                    (folder / used).read_text("ascii")
                )
                yield min(most, most + unused)


def _group_folders(root: Path, groups: Path) -> Iterator[Path]:
    """The folders of control groups that count memory, of version 2 and of version 1."""
    yield from (root, root / "memory")
    with suppress(OSError, ValueError):
        for line in groups.read_text(encoding="utf-8", errors="replace").splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers == "" or "memory" in controllers.split(","):
                inner = PurePosixPath(path.lstrip("/"))
                base = root / "memory" if controllers else root
                yield from (base / part for part in (inner, *inner.parents))


def release_pages(pages: mmap) -> None:
    """Tell the system that a mapped file's pages need not stay in memory; nothing where it has no such call."""
    import mmap as module

    advice = getattr(module, "MADV_DONTNEED", None)
    if advice is not None and hasattr(pages, "madvise"):
        pages.madvise(advice)


# Signals and processes


@contextmanager
def handling(name: str, handler: Callable[..., Any]) -> Iterator[None]:
    """Handle a signal within the block, where this system has it and this thread may: 'SIGTERM'."""
    before = set_signal(name, handler)
    try:
        yield
    finally:
        if before is not None:
            set_signal(name, before)


def set_signal(name: str, handler: Any) -> Any:
    """Set the handler of a signal and return the one before; None where that is not possible here."""
    number = getattr(signal, name, None)
    if number is None or threading.current_thread() is not threading.main_thread():
        return None
    with suppress(ValueError, OSError):
        return signal.signal(number, handler)
    return None


def ignore_signal(name: str) -> None:
    """Ignore a signal, where this system has it and this thread may."""
    set_signal(name, signal.SIG_IGN)


def process_context() -> SpawnContext:
    """Return how processes are started: anew, on every system, as threads and a fork do not go together."""
    import multiprocessing

    return multiprocessing.get_context("spawn")
