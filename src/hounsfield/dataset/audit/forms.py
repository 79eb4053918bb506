"""The forms in which a token may be written: orders, cases, separators, calendars, encodings."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import permutations
from typing import Literal

from hounsfield.dataset.audit.token import Token
from hounsfield.dataset.audit.vocabulary import COMMON

Boundary = Literal[
    "none", "letters", "letters-and-digits", "hex", "digits", "date", "number", "measure", "start"
]
"""What must not be next to a form: letters, letters or digits, digits; or a rule of `search`."""

LONE_NAME = 4
"""Letters of a name that is searched alone; shorter ones only next to another name."""

LONE_BYTES = 6
"""The same of a name in another script, in bytes of UTF-8: two characters of Chinese."""

JOINED_NAMES = 5
"""Letters of two names without a separator, or with one."""

NAME_WORDS = 6
"""Words of a name of which pairs are searched."""

CJK = "\u2e80"
"""The first character of the scripts of China, Japan and Korea, which have no spaces."""

UNBOUNDED = 8
"""Characters of a token that identifies also inside a longer word."""

UNBOUNDED_HEX = 12
"""The same of hexadecimal digits only, which are parts of digests by chance."""

DIGEST_DIGITS = 12
"""First hexadecimal digits of a digest that are searched: case ids have as many."""

SEPARATORS = ("", " ", "^", ",", ", ", "_", "-", ".", "/", "+", "|", "  ")
"""Between two names."""

ENCODINGS = (
    "utf-8", "utf-16-le", "utf-16-be", "latin-1", "iso8859-2", "iso8859-5", "iso8859-7",
    "cp1251", "gb18030", "shift_jis", "euc_kr",
)  # fmt: skip
"""Of a text that is not ASCII; UTF-16 of ASCII is decoded where it is found."""

MONTHS = (
    "january february march april may june july august september october november december",
    "januar februar märz april mai juni juli august september oktober november dezember",
    "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
)


@dataclass(frozen=True, slots=True)
class Form:
    """Bytes to search for in lower case, and what must not be next to them."""

    data: bytes
    boundary: Boundary
    is_digest: bool = False


def forms(token: Token) -> Iterator[Form]:
    """Yield every form of a token."""
    written: Iterable[tuple[str, Boundary]]
    if token.kind == "name":
        written = _names(token.text)
    elif token.kind == "date":
        written = _dates(date.fromisoformat(token.text))
    elif token.kind in ("time", "age", "file-digest", "measure", "uid"):
        written = _plain(token)
    else:
        written = ((text, _boundary(text)) for text in _texts(token.text))
    for text, boundary in written:
        for data in _encoded(text):
            yield Form(data, boundary)
    if token.kind == "id" or (token.kind == "uid" and "SOPInstance" not in token.attribute):
        yield from _digests(token.text)


def _plain(token: Token) -> Iterator[tuple[str, Boundary]]:
    text = token.text
    if token.kind == "measure":
        yield from ((text, "measure"), (text.replace(".", ","), "measure"))
    elif token.kind == "time":
        yield from ((text, "digits"), (f"{text[:2]}:{text[2:4]}:{text[4:]}", "digits"))
    else:
        yield text, "digits" if token.kind == "uid" else "letters-and-digits"


def _names(text: str) -> Iterator[tuple[str, Boundary]]:
    """Yield the words of a name that are long enough, pairs of words, and initials with words."""
    words = text.split()[:NAME_WORDS]
    alone = [word for word in words if _is_long(word) and word.lower() not in COMMON]
    for word in alone:
        yield word, _name_boundary(word)
    for one, two in permutations(words, 2):
        if len((one + two).encode()) < JOINED_NAMES:
            continue
        for separator in SEPARATORS[:1] if one in alone and two in alone else SEPARATORS:
            yield f"{one}{separator}{two}", _name_boundary(one + two)
        if two in alone:  # as in the names of users
            yield from ((one[0] + two, "letters"), (two + one[0], "letters"))


def _name_boundary(word: str) -> Boundary:
    """Return that of a name; scripts without spaces have none."""
    return "none" if len(word) >= UNBOUNDED or word[0] >= CJK else "letters"


def _is_long(word: str) -> bool:
    return len(word) >= LONE_NAME or (not word.isascii() and len(word.encode()) >= LONE_BYTES)


def _texts(text: str) -> set[str]:
    """Return a text with its spaces as in names of files, and a number without its zeros."""
    spaced = {text.replace(" ", other) for other in (" ", "_", "-", "")}
    plain = text.replace("-", "").replace(" ", "").replace(".", "")
    if plain.isdecimal() and len(plain.lstrip("0")) > LONE_NAME:
        spaced |= {plain, plain.lstrip("0")}
    return spaced


def _boundary(text: str) -> Boundary:
    if text.isdecimal():
        return "number"
    is_hex = all(letter in "0123456789abcdef" for letter in text.lower())
    if len(text) >= (UNBOUNDED_HEX if is_hex else UNBOUNDED):
        return "none"
    if is_hex:
        return "hex"
    return "letters" if text.isalpha() else "letters-and-digits"


def _dates(day: date) -> Iterator[tuple[str, Boundary]]:
    y, m, d = f"{day.year:04d}", f"{day.month:02d}", f"{day.day:02d}"
    for separator in ("", "-", "/", ".", "_", ":", " ", "\\"):
        yield separator.join((y, m, d)), "date"
        yield separator.join((d, m, y)), "date"
        yield separator.join((m, d, y)), "date"
    for separator in ("-", "/", "."):
        for parts in permutations((str(day.day), str(day.month), y)):
            if parts[1] != y:
                yield separator.join(parts), "date"
        for parts in ((d, m, y[2:]), (m, d, y[2:]), (y[2:], m, d)):
            yield separator.join(parts), "letters-and-digits"
    for months in MONTHS:
        yield from ((each, "date") for each in _with_month(day, months.split()[day.month - 1]))


def _with_month(day: date, month: str) -> Iterator[str]:
    y = str(day.year)
    for name in {month, month[:3]}:
        for d in {str(day.day), f"{day.day:02d}"}:
            yield from (
                f"{name} {d} {y}",
                f"{name} {d}, {y}",
                f"{name}. {d}, {y}",
                f"{name}-{d}-{y}",
            )
            yield from (f"{d} {name} {y}", f"{d}. {name} {y}", f"{d}-{name}-{y}", f"{d}{name}{y}")
            yield from (f"{y} {name} {d}", f"{y}-{name}-{d}", f"{y}{name}{d}", f"{d}/{name}/{y}")
            yield from (f"{d} {name}. {y}", f"{d} {name}, {y}", f"{d}_{name}_{y}")


def _encoded(text: str) -> set[bytes]:
    """Return a text in lower case as bytes; in all encodings and without accents unless ASCII."""
    if text.isascii():
        return {text.lower().encode()}
    found = set()
    for written in (text.lower(), text.upper()):
        for encoding in ENCODINGS:
            try:
                found.add(written.encode(encoding).lower())
            except UnicodeEncodeError:
                continue
    german = text.lower().translate({0xE4: "ae", 0xF6: "oe", 0xFC: "ue", 0xDF: "ss"})
    for written in (text.lower(), german):
        bare = unicodedata.normalize("NFKD", written).encode("ascii", "ignore")
        if len(bare) >= LONE_NAME:
            found.add(bare)
    return found


def _digests(text: str) -> Iterator[Form]:
    """Yield the starts of unkeyed digests of an id, which anyone who guesses the id can compute."""
    for name in ("sha256", "sha1", "md5"):
        for data in {text.encode(), text.lower().encode()}:
            digest = hashlib.new(name, data, usedforsecurity=False).hexdigest()
            yield Form(digest[:DIGEST_DIGITS].encode(), "start", True)
