"""Write a file whole or not at all: a private temporary file beside it, flushed to disk, then renamed."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hounsfield.core.errors import WriteError


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Give a temporary file (0600, in the same folder) to write to; when the block ends well it becomes `path`.

    The content is on disk before the name is; a symbolic link at `path` is replaced, not followed. On any failure the
    temporary file is removed, what was at `path` stays, and an OSError becomes a WriteError in one line.

    >>> with atomic(Path("/tmp/hounsfield-example.txt")) as temporary:
    ...     _ = temporary.write_text("all of it")
    """
    try:
        temporary = _temporary(path)
        try:
            yield temporary
            _finish(temporary, path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise
    except WriteError:
        raise
    except OSError as error:
        raise WriteError(f"the output could not be written ({error.strerror or error}); nothing half-written is left"
                         ) from None


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` to `path`, whole or not at all."""
    with atomic(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` in UTF-8 with plain line feeds, whole or not at all."""
    write_bytes(path, text.encode("utf-8"))


def _temporary(path: Path) -> Path:
    """A new empty file that only we may read, beside `path`; its random name never existed, so no link is followed."""
    temporary = path.with_name(f".hounsfield-{secrets.token_hex(8)}.part")
    os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0), 0o600))
    return temporary


def _finish(temporary: Path, path: Path) -> None:
    """Flush to disk, take the permissions that a new file has here, rename, and flush the folder."""
    with temporary.open("rb+") as file:
        os.fsync(file.fileno())
    temporary.chmod(0o666 & ~_umask())
    temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        with suppress(OSError):
            os.fsync(folder)
    finally:
        os.close(folder)


def _umask() -> int:
    """The permissions that this process withholds from new files; Linux tells without changing them."""
    with suppress(OSError), open("/proc/self/status", encoding="ascii", errors="replace") as status:
        for line in status:
            if line.startswith("Umask:"):
                return int(line.split()[1], 8)
    return 0o077
