"""Search bytes for all forms of all tokens at once, with an Aho-Corasick automaton."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from hounsfield.dataset.audit.forms import Boundary, Form, forms
from hounsfield.dataset.audit.token import Kind, Token

Content = Literal["name", "text", "bytes", "voxels"]

SHORTEST: dict[Content, int] = {"name": 3, "text": 4, "bytes": 6, "voxels": 12}
"""Bytes of the shortest form that is searched for in each kind of content: shorter ones are found
by chance (see design/audit.md)."""

MOST_BYTES = 24_000_000
"""Bytes of the forms of one automaton, which takes 0.45 GB; outputs are read again for more."""

FORM_BYTES = 20
"""What each form adds to the bytes of its text."""

NEAR = 64
"""Bytes around a number in which a word must say what it measures."""

LONGEST_FORM = 2 * 4096
"""Bytes that chunks of a file overlap, so that no form is cut."""

_MEASURES = re.compile(rb"weight|mass|\bkg\b|height|size|stature|\x10\x00[\x20\x30]\x10", re.I)
"""Words near a weight or size, and the tags of both in DICOM."""

_IDENTITY = re.compile(
    rb"""[a-z_"' ]*(?:id|patient|accession|mrn|subject|study|number|birth)["' ]*[:=]\s*$""", re.I
)
"""The key of a number that is an id."""

_UNIT = re.compile(rb"\s?(?:voxel|byte|slice|px|mm|ms|hu\b|s\b|%|files?|cases?)", re.I)
_TIME = re.compile(rb"t?(?:[01]\d|2[0-3])[0-5]\d[0-5]\d(?!\d)", re.I)
_FRACTION = re.compile(rb"(?<![\d.])\d+\.$")
_ZEROS = re.compile(rb"0*\Z")
_ENCODED = re.compile(rb"[A-Za-z0-9+/]*\Z"), re.compile(rb"[A-Za-z0-9+/]*")

ENCODED_RUN = 64
"""Letters and digits without a break that are base64; their decoded bytes are searched instead."""

SURE = 12
"""Bytes of a form that is no coincidence in base64 either."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A token at an offset; `kind` differs from that of the token for an unkeyed digest of it."""

    token: Token
    kind: Kind
    start: int
    stop: int


class Searcher:
    """The automaton of all forms of tokens, up to `most` bytes; an iterator keeps the others."""

    def __init__(self, tokens: Iterable[Token], *, most: int = MOST_BYTES) -> None:
        from ahocorasick_rs import BytesAhoCorasick, Implementation

        found: dict[bytes, list[tuple[Token, Form]]] = {}
        size = 0
        for token in tokens:
            for form in forms(token):
                if len(form.data) >= SHORTEST["name"]:
                    found.setdefault(form.data, []).append((token, form))
                    size += len(form.data) + FORM_BYTES
            if size >= most:
                break
        self._of_form = list(found.values())
        self._automaton: Any = (
            BytesAhoCorasick(list(found), implementation=Implementation.ContiguousNFA)
            if found
            else None
        )

    def __len__(self) -> int:
        return len(self._of_form)

    def hits(self, data: bytes, content: Content) -> Iterator[Hit]:
        """Yield the tokens in `data`, in order of their ends."""
        if self._automaton is None:
            return
        is_text = content in ("name", "text")
        found = self._automaton.find_matches_as_indexes(data.lower(), overlapping=True)
        for index, start, stop in found:
            if stop - start < SHORTEST[content]:
                continue
            if stop - start < SURE and is_text and _is_encoded(data, start, stop):
                continue
            for token, form in self._of_form[index]:
                if _is_bounded(form.boundary, data, start, stop, content=content):
                    kind: Kind = "digest" if form.is_digest else token.kind
                    yield Hit(token, kind, start, stop)


def _is_bounded(
    boundary: Boundary, data: bytes, start: int, stop: int, *, content: Content
) -> bool:
    """Whether what surrounds a form leaves it a word or number of its own."""
    is_text = content in ("name", "text")
    before, after = data[max(0, start - 1) : start], data[stop : stop + 1]
    if boundary == "none":
        return True
    if boundary == "letters":
        is_camel = before.islower() and data[start : start + 1].isupper()
        starts = is_camel or not _is_letter(before, is_text=is_text)
        return starts and not _is_letter(after, is_text=is_text)
    if boundary == "start":
        return not before.isalnum()
    if boundary == "digits":
        return not (before.isdigit() or after.isdigit())
    if boundary == "date":
        return _is_date(data, start, stop)
    if boundary == "letters-and-digits" and content == "bytes":
        return True  # the cells of a database have nothing between them
    if boundary == "number":
        start -= len(_ZEROS.search(data[max(0, start - NEAR) : start])[0])  # type: ignore[index]
        before = data[max(0, start - 1) : start]
    if before.isalnum() or after.isalnum():
        return False
    if boundary == "number":
        return _is_id(data, start, stop)
    return boundary != "measure" or _is_measure(data, start, stop)


def _is_letter(one: bytes, *, is_text: bool) -> bool:
    """Whether a byte is a letter; one over 127 may be part of a letter in text."""
    return one.isalpha() or (is_text and one > b"\x7f")


def _is_date(data: bytes, start: int, stop: int) -> bool:
    """Whether a date is neither part of a longer number nor a fraction; a time may follow."""
    if data[max(0, start - 1) : start].isdigit():
        return False
    if data[stop : stop + 1].isdigit() and not _TIME.match(data, stop):
        return False
    is_number = data[start:stop].isdigit()
    return not (is_number and _FRACTION.search(data[max(0, start - NEAR) : start]))


def _is_id(data: bytes, start: int, stop: int) -> bool:
    """Whether a number may be an id: no part of a decimal, no count, no unnamed number of JSON."""
    near = data[max(0, start - NEAR) : start]
    if re.search(rb"\d[.,]$", near) or re.match(rb"[.,]\d", data[stop : stop + 2]):
        return False
    if _UNIT.match(data, stop):
        return False
    is_bare = re.search(rb"[:\[,]\s*-?$", near) and re.match(
        rb"\s*[,\]}\r\n]", data[stop : stop + NEAR]
    )
    return not is_bare or _IDENTITY.search(near) is not None


def _is_measure(data: bytes, start: int, stop: int) -> bool:
    if data[max(0, start - 1) : start] in (b".", b"-") or data[stop : stop + 1] == b".":
        return False
    return _MEASURES.search(data, max(0, start - NEAR), stop + NEAR) is not None


def _is_encoded(data: bytes, start: int, stop: int) -> bool:
    """Whether the surroundings are base64: a long run of capitals, small letters and digits."""
    left, right = _ENCODED
    head = left.search(data[max(0, start - 4 * ENCODED_RUN) : start])
    tail = right.match(data, stop, stop + 4 * ENCODED_RUN)
    run = (head[0] if head else b"") + data[start:stop] + (tail[0] if tail else b"")
    if len(run) < ENCODED_RUN:
        return False
    shares = [sum(map(test, map(chr, run))) / len(run) for test in (str.isupper, str.islower)]
    digits = sum(letter in b"0123456789" for letter in run) / len(run)
    return min(shares) > 0.15 and digits > 0.05
