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
    """Lock the output folder `out` within the block.

    On systems with file locks the lock ends with its process. Raises WriteError if another run has
    the lock.
    """
    try:
        unlock = lock_file(out / NAME)
    except BlockingIOError as error:
        raise WriteError(
            f"another run (process {str(error) or 'unknown'}) writes to the output "
            "folder: wait for it to end or use another folder; if no such process runs, remove "
            f"{NAME} from the folder"
        ) from None
    except OSError as error:
        raise WriteError(
            f"the output folder cannot be locked ({error.strerror}); use another folder"
        ) from None
    try:
        yield
    finally:
        unlock()
