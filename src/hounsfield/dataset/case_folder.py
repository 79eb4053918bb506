"""A case's folder appears whole or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hounsfield.core.errors import HounsfieldError, WriteError
from hounsfield.core.file_system import sync_folder

PART, OLD = ".part", ".old"


@contextmanager
def case_folder(path: Path) -> Iterator[Path]:
    """Give a folder beside `path` to fill; when the block ends well it becomes `path`, in the place of an earlier one.

    On any failure it is removed, and what was at `path` stays. Raises WriteError.
    """
    part, old = (path.with_name(f".{path.name}{ending}") for ending in (PART, OLD))
    try:
        for leftover in (part, old):
            _remove(leftover)
        part.mkdir(parents=True)
        try:
            yield part
            sync_folder(part)
            if path.exists():
                path.rename(old)
            part.rename(path)
            sync_folder(path.parent)
        except BaseException:
            _remove(part)
            raise
        _remove(old)
    except HounsfieldError:
        raise
    except OSError as error:
        raise WriteError(
            f"the output could not be written ({error.strerror or type(error).__name__}); "
            "nothing half-written is left"
        ) from None


def _remove(path: Path) -> None:
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.exists():
        shutil.rmtree(path)
