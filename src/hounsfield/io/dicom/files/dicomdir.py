"""A DICOMDIR: the files that it refers to, all of them inside its own folder (PS3.10 section 8, PS3.3 annex F)."""

from __future__ import annotations

import warnings
from pathlib import Path

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import RefusedError, unreadable
from hounsfield.io.dicom import tags
from hounsfield.io.dicom.files.source import Source, file_source

LONGEST_NAME, DEEPEST = 64, 32
"""A component of a file id has 8 letters, and there are 8 at most (PS3.10 8.2); people stretch both."""

MAX_SIZE = 1 << 28
"""Bytes of a directory file: 10,000 images take about 5 MB."""

_FILE_ID = 0x00041500


def is_dicomdir(head: bytes) -> bool:
    """Whether a file is a media storage directory, by its class in the first 512 bytes."""
    return head[128:132] == b"DICM" and tags.MEDIA_DIRECTORY.encode() in head


def dicomdir_sources(path: Path) -> list[Source]:
    """The files named in the directory, in its order; raises RefusedError for one that lies outside its folder."""
    folder = path.resolve().parent
    found: list[Source] = []
    seen: set[str] = set()
    for turn, parts in enumerate(_references(path)):
        name = "/".join(parts)
        actual = _inside(folder, parts)
        if actual is None and _leads_out(folder, parts):
            raise RefusedError(
                [
                    Diagnostic(
                        "DICOMDIR",
                        "refusal",
                        f"reference {turn + 1} leads out of the directory's folder",
                        str(path),
                    )
                ]
            )
        actual = actual or _inside(folder, tuple(part.lower() for part in parts))
        if actual is None:
            raise unreadable(str(path), f"a file that it names is missing (reference {turn + 1})")
        if name not in seen:
            found.append(file_source(actual, name=name, ordinal=len(found)))
        seen.add(name)
    if not found:
        raise unreadable(str(path), "the directory names no file")
    return found


def _inside(folder: Path, parts: tuple[str, ...]) -> Path | None:
    """The file of that name (on discs often in lower case) where it is one and lies in the folder."""
    if _leads_out(folder, parts):
        return None
    target = folder.joinpath(*parts).resolve()
    return target if target.is_file() else None


def _leads_out(folder: Path, parts: tuple[str, ...]) -> bool:
    """Whether a reference is no plain name, is longer than one, or leads out of the folder, by a link too."""
    if any(
        part in ("", ".", "..") or set(part) & set("/\\\0") or len(part) > LONGEST_NAME
        for part in parts
    ):
        return True
    try:
        return len(parts) > DEEPEST or not folder.joinpath(*parts).resolve().is_relative_to(folder)
    except (OSError, RuntimeError, ValueError):
        return True


def _references(path: Path) -> list[tuple[str, ...]]:
    import pydicom

    if path.stat().st_size > MAX_SIZE:
        raise unreadable(str(path), f"a directory of over {MAX_SIZE} bytes")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            data = pydicom.dcmread(path, specific_tags=[tags.DIRECTORY_RECORDS])
            records = data[tags.DIRECTORY_RECORDS].value
            ids = [record[_FILE_ID].value for record in records if _FILE_ID in record]
            return [
                (value,) if isinstance(value, str) else tuple(str(part) for part in value)
                for value in ids
                if value
            ]
        except Exception:
            raise unreadable(str(path), "the directory cannot be read") from None
