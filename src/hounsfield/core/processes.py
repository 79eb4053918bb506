"""The life of processes: whether one exists, has computed, and ends with its parent."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

PR_SET_PDEATHSIG = 1
"""The request of prctl(2) for a signal when the parent ends (linux/prctl.h)."""

PARENT_ENDED = 1
"""The exit status of a process that finds its parent gone."""


def end_with_parent(parent: int) -> None:
    """Have the system kill this process, even a stopped one, when its parent process ends.

    Linux only; elsewhere nothing happens. The parent is the thread that started this process. If it
    has ended already, this process ends at once.
    """
    if not sys.platform.startswith("linux"):
        return
    with suppress(ImportError, OSError, AttributeError):  # a C library without prctl
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:  # it ended before the request
        os._exit(PARENT_ENDED)


def exists(process: int) -> bool:
    """Return whether a process exists; one that has ended and is not reaped yet does not."""
    fields = _status(process)
    if fields is not None:
        return fields[0] not in "ZX"
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # that of another user
        return True
    return not Path("/proc/self/stat").exists()


def processor_seconds(process: int) -> float | None:
    """Return the processor time of a process; None if the system does not report it."""
    fields = _status(process)
    if fields is None:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _status(process: int) -> list[str] | None:
    """The fields of /proc/PID/stat after the name, from the state on (proc_pid_stat(5))."""
    with suppress(OSError, ValueError, IndexError):
        text = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
        return text.rpartition(")")[2].split()
    return None
