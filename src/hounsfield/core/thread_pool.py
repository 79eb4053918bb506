"""A pool of threads for a process whose memory may be short."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from hounsfield.core.platform import check_available

P = ParamSpec("P")
T = TypeVar("T")

THREAD_BYTES = 16 << 20
"""Memory that must be available before a thread is started: the usual stack of 8 MiB (ulimit -s),
and as much for what Python allocates before the thread has begun."""


class ThreadPool(ThreadPoolExecutor):
    """A ThreadPoolExecutor whose `submit` raises MemoryError rather than wait for ever.

    Notes
    -----
    `threading.Thread.start` waits until the new thread has begun. A thread that gets no memory
    for its first objects never begins, so the caller would wait without end.
    """

    def submit(self, work: Callable[P, T], /, *args: P.args, **keywords: P.kwargs) -> Future[T]:
        """Call `work` on a thread; raises MemoryError if the memory for a thread is missing."""
        check_available(THREAD_BYTES)
        return super().submit(work, *args, **keywords)
