"""List the files that a DICOMDIR refers to (PS3.10 section 8, PS3.3 annex F)."""

from __future__ import annotations

import warnings
from pathlib import Path

from hounsfield.core.errors import refused, unreadable
from hounsfield.io.dicom import tags
from hounsfield.io.dicom.files.source import Source, file_source

LONGEST_NAME, DEEPEST = 64, 32
"""A file id has at most 8 components of 8 characters (PS3.10 8.2); many writers exceed both."""

MAX_SIZE = 1 << 28
"""Largest DICOMDIR, bytes; 10,000 images take about 5 MB."""

_FILE_ID = 0x00041500


def is_dicomdir(head: bytes) -> bool:
    """Whether the first 512 bytes name the SOP class of a media storage directory."""
    return head[128:132] == b"DICM" and tags.MEDIA_DIRECTORY.encode() in head


def dicomdir_sources(path: Path) -> list[Source]:
    """The referenced files, in order; raises RefusedError for one outside the DICOMDIR's folder."""
    folder = path.resolve().parent
    found: list[Source] = []
    seen: set[str] = set()
    for number, parts in enumerate(_references(path), start=1):
        name = "/".join(parts)
        actual = _inside(folder, parts)
        if actual is None and _leads_out(folder, parts):
            raise refused(
                "DICOMDIR",
                f"reference {number} is outside the folder of the DICOMDIR; expected a file in it",
                where=str(path),
            )
        actual = actual or _inside(folder, tuple(part.lower() for part in parts))
        if actual is None:
            message = f"file of reference {number} of the DICOMDIR is missing"
            raise unreadable(str(path), message)
        if name not in seen:
            found.append(file_source(actual, name=name, ordinal=len(found)))
        seen.add(name)
    if not found:
        raise unreadable(str(path), "DICOMDIR refers to no file")
    return found


def _inside(folder: Path, parts: tuple[str, ...]) -> Path | None:
    """The referenced file, or None if it does not exist inside the folder."""
    if _leads_out(folder, parts):
        return None
    target = folder.joinpath(*parts).resolve()
    return target if target.is_file() else None


def _leads_out(folder: Path, parts: tuple[str, ...]) -> bool:
    """Whether a reference is malformed or points outside the folder, also through a link."""
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
        raise unreadable(str(path), f"DICOMDIR is larger than {MAX_SIZE} bytes")
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
            raise unreadable(
                str(path), "DICOMDIR is corrupt; copy it again, or read the folder without it"
            ) from None
