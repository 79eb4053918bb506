"""A stamp of the files of a source, by which a resumed run knows without reading them again."""

from __future__ import annotations

import hashlib
import json
import os
import time
from contextlib import suppress

from hounsfield.io.bytes.checksum import SourceFiles

UNCHANGED_SECONDS = 60.0
"""Files that changed since then have no stamp: a second change might have the same times, which
file systems round (FAT to 2 s, NFS caches them for up to 60 s)."""


def source_stamp(files: SourceFiles) -> str:
    """Return a hash of size, inode, and times of change of the files; '' if it is not reliable.

    The change time of POSIX is set by the system at every change of content or times, so that no
    program resets it; on Windows it is the time of creation, and there is no stamp.
    """
    if os.name != "posix":
        return ""
    with suppress(OSError):
        found = [os.stat(path) for path in files.paths]
        if max(each.st_ctime for each in found) > time.time() - UNCHANGED_SECONDS:
            return ""
        rows = [
            [each.st_dev, each.st_ino, each.st_size, each.st_mtime_ns, each.st_ctime_ns]
            for each in found
        ]
        text = json.dumps(rows if files.is_ordered else sorted(rows))
        return hashlib.sha256(text.encode("ascii")).hexdigest()
    return ""
