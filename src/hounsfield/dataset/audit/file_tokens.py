"""The identifying values of files that are not DICOM, and of paths."""

from __future__ import annotations

import csv
import json
import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import Any, BinaryIO

from hounsfield.dataset.audit.attributes import TECHNICAL, kind_of
from hounsfield.dataset.audit.dicom_tokens import add_binary
from hounsfield.dataset.audit.token import Kind, Tokens

LARGEST_HEADER = 1 << 20
"""Bytes of a header that are searched for texts."""

LARGEST_TABLE = 64 << 20
"""Bytes of a table or JSON file that are read."""

_NIFTI1 = {
    "db_name": (14, 18),
    "descrip": (148, 80),
    "aux_file": (228, 24),
    "intent_name": (328, 16),
}
_NIFTI2 = {"descrip": (240, 80), "aux_file": (320, 24), "intent_name": (508, 16)}
"""Offset and bytes of the texts of a NIfTI header."""

_COLUMNS: tuple[tuple[re.Pattern[str], Kind], ...] = (
    (re.compile(r"(?i)name|physician|doctor"), "name"),
    (re.compile(r"(?i)date|birth|dob"), "date"),
    (re.compile(r"(?i)uid"), "uid"),
    (
        re.compile(
            r"(?i)(^|[_ ])(id|patient|subject|mrn|pid|accession|case|participant(_id)?)($|[_ ])"
        ),
        "id",
    ),
    (re.compile(r"(?i)image|label|path|file"), "path"),
    (re.compile(r"(?i)note|comment|hospital|institution|description"), "text"),
)
"""Kinds of the columns of a table by their names; other columns hold numbers and groups."""

_META = re.compile(rb"(?m)^\s*([A-Za-z_ ]+?)\s*=\s*(.*?)\s*$")
_META_TECHNICAL = re.compile(
    r"(?i)ObjectType|ObjectSubType|NDims|Binary|Compressed|TransformMatrix|Offset|Position|Origin"
    r"|Element|DimSize|Anatomical|Center|Orientation|Rotation|HeaderSize|Modality|Color|Distance"
)
_NRRD_TEXT = re.compile(rb"(?m)^(?:#\s*(.*)|([^:\n]+):=(.*)|content:\s*(.*))$")


def add_path(tokens: Tokens, path: PurePath, *, root: Path | None) -> None:
    """Add the names of the folders of a path and of its file, and the folder that was named."""
    for part in path.parts:
        name, *_ = re.split(r"\.(?=[A-Za-z]{2,6}(?:\.gz)?$)", part)
        tokens.add("path", "file name" if part == path.name else "folder name", name)
    if root is not None and len(root.parts) > 2:
        tokens.put("path", "path of the source", str(root), shortest=8)


def add_nifti(tokens: Tokens, stream: BinaryIO) -> None:
    """Add the texts of a NIfTI header and of its extensions."""
    stream.seek(0)
    head = stream.read(540)
    is_first = head[344:347] in (b"n+1", b"ni1")
    for name, (start, count) in (_NIFTI1 if is_first else _NIFTI2).items():
        text = head[start : start + count].split(b"\0")[0]
        tokens.add("text", name, text.decode("utf-8", "replace"))
    order = "<" if head[:4] in (b"\x5c\1\0\0", b"\x1c\2\0\0") else ">"
    code, at, size = ("f", 108, 348) if is_first else ("q", 168, 540)
    stop = int(struct.unpack_from(order + code, head, at)[0])
    stream.seek(size)
    add_binary(tokens, "NIfTI extension", stream.read(max(0, min(stop - size, LARGEST_HEADER))))


def add_nrrd(tokens: Tokens, stream: BinaryIO) -> None:
    """Add comments, the content, and the key/value pairs of an NRRD header."""
    stream.seek(0)
    header = re.split(rb"\r?\n\r?\n", stream.read(LARGEST_HEADER))[0]
    for comment, key, value, content in _NRRD_TEXT.findall(header):
        text = (comment or value or content).decode("utf-8", "replace")
        _add_keyed(tokens, key.decode("utf-8", "replace") or "NRRD text", text)


def add_metaimage(tokens: Tokens, stream: BinaryIO) -> None:
    """Add the values of a MetaImage header that do not describe the grid."""
    stream.seek(0)
    for key, value in _META.findall(stream.read(LARGEST_HEADER).partition(b"ElementDataFile")[0]):
        if not _META_TECHNICAL.match(key.decode()):
            _add_keyed(tokens, key.decode(), value.decode("utf-8", "replace"))


def add_png(tokens: Tokens, stream: BinaryIO) -> None:
    """Add the texts of a PNG."""
    stream.seek(8)
    while len(head := stream.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        if kind in (b"tEXt", b"zTXt", b"iTXt", b"eXIf") and length < LARGEST_HEADER:
            key, _, rest = stream.read(length).partition(b"\0")
            if kind == b"zTXt":
                rest = zlib.decompressobj().decompress(rest[1:], LARGEST_HEADER)
            _add_keyed(tokens, key.decode("latin-1"), rest.decode("utf-8", "replace"))
            stream.seek(4, 1)
        else:
            stream.seek(length + 4, 1)


def add_table(tokens: Tokens, data: bytes) -> None:
    """Add the columns of a table that identify."""
    text = data.decode("utf-8-sig", "replace")
    delimiter = max(",;\t", key=text.partition("\n")[0].count)
    for row in csv.DictReader(text.splitlines(), delimiter=delimiter):
        for column, value in row.items():
            if isinstance(column, str) and isinstance(value, str):
                _add_cell(tokens, column, value)


def _add_cell(tokens: Tokens, column: str, value: str) -> None:
    kind = next((kind for pattern, kind in _COLUMNS if pattern.search(column)), None)
    if kind == "path":
        for part in PurePath(value).parts:
            add_path(tokens, PurePath(part), root=None)
    elif kind is not None:
        tokens.add(kind, f"column {column}", value)


def add_json(tokens: Tokens, data: bytes) -> None:
    """Add the values of JSON whose keys are keywords of DICOM, as in a sidecar of dcm2niix."""
    try:
        for key, value in _leaves(json.loads(data)):
            if key not in TECHNICAL and isinstance(value, str):
                _add_keyed(tokens, key, value)
    except (ValueError, RecursionError):
        return


def _leaves(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, str(name))
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner, key)
    else:
        yield key, value


def _add_keyed(tokens: Tokens, key: str, value: str) -> None:
    """Add a value by its key if it is a keyword of DICOM, else as a free text."""
    from pydicom.datadict import dictionary_VR, tag_for_keyword

    tag = tag_for_keyword(key)
    kind = "text" if tag is None else kind_of(key, dictionary_VR(tag).split(" ")[0])
    if kind is not None:
        tokens.add(kind, key, value)
