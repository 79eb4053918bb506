"""A lock that is free in a forked process, even if a thread of the parent had locked it."""

from __future__ import annotations

import os
from threading import Lock
from types import TracebackType


class ProcessLock:
    """A lock of one process; after a fork `is_forked` is true, as its state may be incomplete."""

    def __init__(self) -> None:
        self._lock, self._process = Lock(), os.getpid()
        self.is_forked = False

    def __enter__(self) -> None:
        if self._process != os.getpid():
            # Only the forking thread runs in the child, so that nothing can hold a new lock.
            self._lock, self._process, self.is_forked = Lock(), os.getpid(), True
        self._lock.acquire()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._lock.release()
