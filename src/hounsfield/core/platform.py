"""What differs between operating systems and machines, each with a fall-back: processors."""

from __future__ import annotations

import os

from hounsfield.core.errors import PipelineError

THREADS_VARIABLE = "HOUNSFIELD_THREADS"
"""Environment variable that bounds the number of threads; `set_threads` takes precedence."""

_bound: int | None = None


def set_threads(count: int | None) -> None:
    """Bound the number of threads of every kernel, decoder and hash pool of this process.

    Parameters
    ----------
    count
        At least 1; None removes the bound, so that the environment variable ``HOUNSFIELD_THREADS``
        and the processors that this process may use decide.

    Raises
    ------
    PipelineError
        If `count` is not a positive whole number.

    Examples
    --------
    >>> set_threads(1)
    >>> thread_count()
    1
    >>> set_threads(None)
    """
    global _bound
    _bound = None if count is None else _positive(count, "set_threads")


def thread_count() -> int:
    """Return the number of threads that this process may use.

    It is the bound of `set_threads`, else that of ``HOUNSFIELD_THREADS``, else the number of
    processors that this process may run on.

    Raises
    ------
    PipelineError
        If ``HOUNSFIELD_THREADS`` is not a positive whole number.
    """
    if _bound is not None:
        return _bound
    text = os.environ.get(THREADS_VARIABLE, "")
    return _positive(text, THREADS_VARIABLE) if text else processor_count()


def processor_count() -> int:
    """Return the number of processors that this process may run on, where the system tells it.

    Systems without processor affinity (macOS, Windows) give the number of processors.
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _positive(count: int | str, name: str) -> int:
    if isinstance(count, bool) or not str(count).isdecimal() or int(count) < 1:
        raise PipelineError(f"{name}: {count!r}; expected a whole number of threads of at least 1")
    return int(count)
