"""Decode what may hide a token in text: escapes, base64, hexadecimal digits, UTF-16 and UTF-32."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Iterator

SHORTEST_RUN = 8
"""Characters of base64 or of hexadecimal digits; they encode six and four bytes."""

EMBEDDED_FILE = 256
"""Decoded bytes that are searched as a file: a picture in a page, for example."""

_ESCAPE = re.compile(
    rb"%[0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\x[0-9a-fA-F]{2}|\\/|&#x[0-9a-fA-F]{1,6};|&#\d{1,7};"
    rb"|&[a-zA-Z]{2,8};|=[0-9A-F]{2}"
)
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{%d,}" % SHORTEST_RUN)
_HEX = re.compile(rb"[0-9a-fA-F]{%d,}" % SHORTEST_RUN)
_WIDE = (
    ("utf-16", re.compile(rb"(?:[\x20-\xff]\0){3,}")),
    ("utf-16", re.compile(rb"(?:\0[\x20-\xff]){3,}")),
    ("utf-32", re.compile(rb"(?:[\x20-\xff]\0\0\0){3,}")),
)
_URL_SAFE = bytes.maketrans(b"-_", b"+/")

Decoded = tuple[str, list[bytes]]


def decoded(data: bytes) -> Iterator[Decoded]:
    """Yield the name of each encoding that occurs in `data`, with what it encodes."""
    text = _ESCAPE.sub(_unescaped, data)
    if text != data:
        yield "escaped", [text]
    yield "base64", [each for run in _BASE64.findall(data) for each in _from_base64(run)]
    yield "hex", [each for run in _HEX.findall(data) for each in _from_hex(run)]
    for name, runs in _WIDE:
        yield name, [run.replace(b"\0", b"") for run in runs.findall(data)]


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
        yield base64.b64decode(part + b"=" * (-len(part) % 4))


def _from_hex(run: bytes) -> Iterator[bytes]:
    for start in range(2):
        part = run[start:]
        yield bytes.fromhex(part[: len(part) // 2 * 2].decode("ascii"))
