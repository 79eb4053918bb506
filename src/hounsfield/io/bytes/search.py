"""What a search of a folder skips: links that lead out of it, outputs of runs, and exports."""

from __future__ import annotations

import os

OUTPUT_MARK = "manifest.db"
"""The file of a run in its output folder."""

OUTPUTS = ("cases", "store.zarr")
"""The folders next to OUTPUT_MARK that contain what a run wrote."""

RECORD = "record.json"
"""The file of each case in a folder of OUTPUTS; it identifies outputs without OUTPUT_MARK."""

HIDDEN, ENTRIES = ".hounsfield", "entries.json"
"""The folder in an exported data set with its records, and the file there that lists its files."""


def is_output(parent: str | os.PathLike[str], name: str) -> bool:
    """Whether the folder `name` in `parent` holds the outputs of a run, or is an exported data set.

    The files of a data set are those of scans that are found elsewhere, under other names.
    """
    if name not in OUTPUTS:
        return os.path.isfile(os.path.join(parent, name, HIDDEN, ENTRIES))
    return os.path.isfile(os.path.join(parent, OUTPUT_MARK)) or _has_records(
        os.path.join(parent, name)
    )


def _has_records(folder: str) -> bool:
    try:
        names = os.listdir(folder)
    except OSError:
        return False
    return any(os.path.isfile(os.path.join(folder, name, RECORD)) for name in names)


def leads_out(path: str | os.PathLike[str], root: str | os.PathLike[str]) -> bool:
    """Whether a link is broken or leads to a file outside of the folder `root`.

    >>> leads_out("/a/b/c", "/a/b"), leads_out("/a/bc", "/a/b")
    (False, True)
    """
    target, base = os.path.realpath(path), os.path.realpath(root)
    return not (target == base or target.startswith(os.path.join(base, "")))
