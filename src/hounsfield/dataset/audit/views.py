"""Decode what may hide a token in text: escapes, base64, hexadecimal digits, UTF-16 and UTF-32."""

from __future__ import annotations

import binascii
import html
import re
from collections.abc import Iterator

SHORTEST_RUN = 8
"""Characters of base64 or of hexadecimal digits; they encode six and four bytes."""

EMBEDDED_FILE = 256
"""Decoded bytes that are searched as a file: a picture in a page, for example."""

SURROUNDINGS = 256
"""Bytes before and after an escape that may belong to the same token."""

_ESCAPE = re.compile(
    rb"%[0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\x[0-9a-fA-F]{2}|\\/|&#x[0-9a-fA-F]{1,6};|&#\d{1,7};"
    rb"|&[a-zA-Z]{2,8};|=[0-9A-F]{2}"
)
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{%d,}" % SHORTEST_RUN)
_HEX = re.compile(rb"[0-9a-fA-F]{%d,}" % SHORTEST_RUN)
_WIDE = (
    ("utf-16", re.compile(rb"(?:\0[\x20-\xff]){2,}")),
    ("utf-32", re.compile(rb"(?:\0\0\0[\x20-\xff]){2,}")),
)
"""Latin letters after zeros; in little endian the first letter is before the first zero."""

_URL_SAFE = bytes.maketrans(b"-_", b"+/")

Decoded = tuple[str, list[bytes]]


def decoded(data: bytes) -> Iterator[Decoded]:
    """Yield the name of each encoding that occurs in `data`, with what it encodes."""
    yield "escaped", list(_from_escapes(data))
    yield (
        "base64",
        [each for run in dict.fromkeys(_BASE64.findall(data)) for each in _from_base64(run)],
    )
    yield "hex", [each for run in dict.fromkeys(_HEX.findall(data)) for each in _from_hex(run)]
    for name, runs in _WIDE:
        yield name, [_narrow(data, run.start(), run.end()) for run in runs.finditer(data)]


def _narrow(data: bytes, start: int, stop: int) -> bytes:
    return data[max(0, start - 1) : stop].replace(b"\0", b"")


def _from_escapes(data: bytes) -> Iterator[bytes]:
    """Yield the surroundings of escapes, with all escapes replaced."""
    start = stop = 0
    for match in _ESCAPE.finditer(data):
        if match.start() > stop + SURROUNDINGS:
            yield _ESCAPE.sub(_unescaped, data[start:stop])
            start = max(0, match.start() - SURROUNDINGS)
        stop = match.end() + SURROUNDINGS
    if stop:
        yield _ESCAPE.sub(_unescaped, data[start:stop])


def _unescaped(match: re.Match[bytes]) -> bytes:
    """Return what an escape of a URL, of JSON, Python, HTML or a mail stands for."""
    text = match[0]
    if text == rb"\/":
        return b"/"
    if text[:1] == b"&":
        return html.unescape(text.decode("ascii")).encode("utf-8", "replace")
    if text[:2] == rb"\u":
        return chr(int(text[2:], 16)).encode("utf-8", "replace")
    return bytes([int(text[-2:], 16)])


def _from_base64(run: bytes) -> Iterator[bytes]:
    """Yield what a run encodes from its start and, as letters may precede it, from later ones."""
    plain = run.translate(_URL_SAFE)
    for start in range(4 if len(run) < EMBEDDED_FILE else 1):
        part = plain[start:]
        part = part[: len(part) - 1] if len(part) % 4 == 1 else part
        yield binascii.a2b_base64(part + b"=" * (-len(part) % 4))


def _from_hex(run: bytes) -> Iterator[bytes]:
    for start in range(2):
        part = run[start:]
        yield bytes.fromhex(part[: len(part) // 2 * 2].decode("ascii"))
