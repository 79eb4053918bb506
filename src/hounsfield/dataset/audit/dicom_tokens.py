"""The identifying values of a DICOM object: all elements, nested, private and unknown ones too."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from typing import Any, BinaryIO

from hounsfield.dataset.audit.attributes import TECHNICAL, TEXT_VRS, UNIDENTIFYING_VRS, kind_of
from hounsfield.dataset.audit.token import Tokens
from hounsfield.io.dicom import tags

LARGEST_VALUE = 1 << 16
"""Bytes of an element that are kept; longer ones are pixels, curves and look-up tables."""

LARGEST_BINARY = 1 << 16
"""Bytes of a binary element that are searched for texts."""

DEEPEST = 64
"""Levels of nested sequences, as in io.dicom.header.fast_header."""

PREAMBLE = 128
"""Bytes before the prefix DICM (PS3.10 7.1)."""

LONGEST_REPEATED = 256
"""Bytes of a value that is remembered, so that a series is not read slice by slice."""

NUMBERS = UNIDENTIFYING_VRS - {"CS", "DS"}
"""VRs of which no attribute identifies; sizes and weights are DS."""

_TEXT = re.compile(rb"[A-Za-z0-9][A-Za-z0-9 ^.,_@'/:+-]{5,}")
"""What may be a text in binary data: six characters or more that are usual in names and ids."""

_PIXELS = frozenset({tags.PIXEL_DATA, tags.FLOAT_PIXEL_DATA, tags.DOUBLE_PIXEL_DATA})


def add_dicom(tokens: Tokens, stream: BinaryIO) -> bool:
    """Add the tokens of a DICOM object; returns whether it could be read whole."""
    import pydicom

    preamble = stream.read(PREAMBLE)
    add_binary(tokens, "preamble", preamble)
    stream.seek(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            header = pydicom.dcmread(stream, force=True, defer_size=LARGEST_VALUE)
            add_dataset(tokens, header.file_meta, level=0)
            add_dataset(tokens, header, level=0)
        except Exception:  # pydicom raises many exception types for a corrupt object
            stream.seek(0)
            add_binary(tokens, "corrupt header", stream.read(LARGEST_BINARY))
            return False
    return len(header) > 0


def add_dataset(tokens: Tokens, dataset: Any, *, level: int) -> None:
    """Add the tokens of all elements of a data set."""
    if level > DEEPEST:
        return
    for tag in sorted(dataset.keys()):
        if int(tag) in _PIXELS and level == 0:
            continue
        try:
            _add_element(tokens, dataset, tag, level)
        except Exception:  # an invalid value: its bytes are searched instead
            raw = getattr(dataset.get_item(tag), "value", None)
            if isinstance(raw, bytes):
                add_binary(tokens, _name_of(tag, ""), raw)


def _add_element(tokens: Tokens, dataset: Any, tag: Any, level: int) -> None:
    raw = dataset.get_item(tag)
    if raw.is_raw and (raw.value is None or _is_known(tokens, tag, raw)):  # not read, or seen
        return
    element = dataset[tag]
    vr, keyword = str(element.VR), element.keyword
    name = _name_of(tag, keyword)
    if vr == "SQ":
        for item in element.value or ():
            add_dataset(tokens, item, level=level + 1)
    elif isinstance(element.value, bytes):
        add_binary(tokens, name, element.value)
    elif tag.is_private and tag.is_private_creator:
        tokens.add_technical(str(element.value))
    else:
        _add_values(tokens, name, keyword, vr, element)


def _is_known(tokens: Tokens, tag: Any, raw: Any) -> bool:
    """Whether a number, or an element with the same bytes, as in the slices before."""
    if raw.VR in NUMBERS or len(raw.value) > LONGEST_REPEATED:
        return raw.VR in NUMBERS
    key = (int(tag), raw.value)
    is_known = key in tokens.raw
    tokens.raw.add(key)
    return is_known


def _add_values(tokens: Tokens, name: str, keyword: str, vr: str, element: Any) -> None:
    kind = kind_of(keyword, vr)
    if kind is None and not keyword and vr not in UNIDENTIFYING_VRS - {"CS"}:
        kind = "text"
    for value in _values(element.value):
        if kind is not None:
            tokens.add(kind, name, value)
        elif keyword in TECHNICAL and vr in TEXT_VRS:
            tokens.add_technical(value)


def _values(value: Any) -> Iterator[str]:
    if value is None:
        return
    is_name = hasattr(value, "components")
    if is_name or isinstance(value, str) or not hasattr(value, "__iter__"):
        yield str(value)
    else:
        yield from map(str, value)


def _name_of(tag: Any, keyword: str) -> str:
    if keyword:
        return keyword
    return f"{'private' if tag.is_private else 'unknown'} ({tag.group:04X},{tag.element:04X})"


def add_binary(tokens: Tokens, name: str, data: bytes) -> None:
    """Add the texts in binary data."""
    for text in _TEXT.findall(data[:LARGEST_BINARY]):
        tokens.add("text", name, text.decode("ascii"))
