"""OUT/.lock: one run at a time writes to an output folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hounsfield.core.errors import WriteError
from hounsfield.core.file_system import lock_file

NAME = ".lock"


@contextmanager
def locked(out: Path) -> Iterator[None]:
    """Lock the output folder `out` within the block; no lock outlives its process where the system has file locks.

    Raises WriteError where another run has it.
    """
    try:
        unlock = lock_file(out / NAME)
    except BlockingIOError as error:
        raise WriteError(
            f"another run (process {str(error) or 'unknown'}) is writing there: wait for it to end, or "
            f"name another output folder; where no such process runs, remove {NAME} there"
        ) from None
    except OSError as error:
        raise WriteError(f"the output folder cannot be locked ({error.strerror})") from None
    try:
        yield
    finally:
        unlock()
