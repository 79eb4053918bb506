"""Write the files of a layout next to their folder, and move them into it when all are written."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from hounsfield.core.errors import WriteError
from hounsfield.core.file_system import NO_LINKS, sync_folder
from hounsfield.dataset.output_folder import remove
from hounsfield.io.bytes.atomic import write_text
from hounsfield.io.bytes.search import ENTRIES, HIDDEN
from hounsfield.io.bytes.text import read_short_text

PARTS = "parts.json"
"""The file in HIDDEN with the part and the fold of each case."""

NEW, OLD = "layout.part", "layout.old"
"""Folders in HIDDEN: the layout while it is written, and the one that it replaces."""

LARGEST_BYTES = 1 << 20
"""Maximum size of ENTRIES, which has a name for each top entry of a layout or each patient."""


def check_folder(out: Path, names: Sequence[str] = ()) -> None:
    """Raise WriteError if `out` holds files that no export wrote, or one of `names` among them."""
    if not os.path.isdir(out):
        return
    known = {HIDDEN, *_entries(out)}
    strange = {item.name for item in out.iterdir()} - known
    if strange & set(names) or (strange and not (out / HIDDEN).is_dir()):
        raise WriteError(
            f"the folder has {len(strange)} files or folders that no export wrote; use another "
            "folder"
        )


def _entries(out: Path) -> list[str]:
    path = out / HIDDEN / ENTRIES
    if not path.is_file():
        return []
    try:
        names = json.loads(read_short_text(path, largest_bytes=LARGEST_BYTES))
        return [name for name in names if os.path.basename(name) == name != HIDDEN]
    except (ValueError, TypeError):
        raise WriteError(f"{HIDDEN}/{ENTRIES} is corrupt; use another folder") from None


@contextmanager
def publishing(out: Path, *, index: str) -> Iterator[Path]:
    """Yield a folder whose content replaces the layout in `out` when the block succeeds.

    `index` is removed first and moved last: a folder with it is complete. After an error the
    earlier layout is unchanged. Raises WriteError.
    """
    hidden = out / HIDDEN
    new, old = hidden / NEW, hidden / OLD
    remove(new)
    remove(old)
    try:
        new.mkdir(parents=True)
        yield new
        check_folder(out, [item.name for item in new.iterdir()])
        _swap(out, new, old, index=index)
    except OSError as error:
        if isinstance(error, WriteError):
            raise
        reason = error.strerror or type(error).__name__
        raise WriteError(f"the layout cannot be written ({reason}); export again") from None
    finally:
        remove(new)
        remove(old)


def _swap(out: Path, new: Path, old: Path, *, index: str) -> None:
    old.mkdir()
    names = sorted((item.name for item in new.iterdir()), key=lambda name: name == index)
    earlier = sorted(_entries(out), key=lambda name: name != index)
    write_text(out / HIDDEN / ENTRIES, json.dumps(sorted({*names, *earlier})) + "\n")
    for name in earlier:
        if os.path.lexists(out / name):
            (out / name).rename(old / name)
    for name in names:
        (new / name).rename(out / name)
    write_text(out / HIDDEN / ENTRIES, json.dumps(sorted(names)) + "\n")
    sync_folder(out)


def link_file(source: Path, target: Path) -> None:
    """Make `target` a hard link to `source`, or a copy where the file system has no links."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in NO_LINKS and not _is_other_device(error):
            raise
        shutil.copyfile(source, target)


def _is_other_device(error: OSError) -> bool:
    import errno

    return error.errno in (errno.EXDEV, errno.ENOSYS)
