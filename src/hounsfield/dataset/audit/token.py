"""Identifying values of the sources, which the outputs are searched for."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Literal, get_args

from hounsfield.dataset.audit.vocabulary import GENERIC_NAMES, is_common

Kind = Literal[
    "name",
    "id",
    "date",
    "time",
    "uid",
    "age",
    "measure",
    "text",
    "institution",
    "path",
    "label",
    "digest",
    "file-digest",
]
KINDS: tuple[Kind, ...] = get_args(Kind)

SHORTEST_UID = 8
"""Characters; shorter UIDs look like version numbers."""

SHORTEST_NUMBER = 5
"""Digits of an id that is a number; shorter numbers are everywhere."""

SHORTEST_TEXT = 4
"""Characters of other texts and ids."""

SHORTEST_WORD = 5
"""Letters of a word of a free text that is searched alone."""

LONGEST_TEXT = 4096
"""Characters of a free text that are searched for; phrases identify it well before."""

PHRASE_WORDS, PHRASE_CHARACTERS = 3, 12
"""Consecutive words of a free text that are searched for together, and their fewest characters."""

DUMMY_DATES = frozenset({date(1900, 1, 1), date(1970, 1, 1)})
"""Dates that stand for none in DICOM objects and in clocks."""

FIRST_YEAR, LAST_YEAR = 1880, 2099
"""Years of dates of birth and of scans; a number with another year is no date."""

_DATE = re.compile(r"(?<!\d)(\d{4})([-./_:]?)(\d{2})\2(\d{2})(?!\d{1,5}(?!\d))")
_DAY_FIRST = re.compile(r"(?<!\d)(\d{1,2})([-./])(\d{1,2})\2(\d{4})(?!\d)")
_UID = re.compile(r"(?<![\d.])[0-2](?:\.\d+){4,}")
_WORD = re.compile(r"[^\s\"'<>;,()\[\]{}=|]+")
_LETTERS = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True, slots=True)
class Token:
    """One identifying value and the attribute that it is from; its text is in no output."""

    kind: Kind
    attribute: str
    text: str = field(repr=False)


@dataclass(slots=True)
class Tokens:
    """The tokens of the sources without duplicates, and values that are too common to search."""

    found: dict[tuple[Kind, str], Token] = field(default_factory=dict)
    skipped: Counter[tuple[Kind, str]] = field(default_factory=Counter)
    technical: set[str] = field(default_factory=set)
    """Values of technical attributes and their words, which are no tokens as free text either."""
    raw: set[tuple[int, bytes]] = field(default_factory=set, repr=False)
    """Elements that were read, by tag and bytes."""
    _seen: set[tuple[Kind, str, str]] = field(default_factory=set)

    def __iter__(self) -> Iterator[Token]:
        return (
            each
            for each in self.found.values()
            if each.kind not in ("text", "path") or each.text.lower() not in self.technical
        )

    def add_technical(self, value: str) -> None:
        """Add the value of a technical attribute, and its words."""
        self.technical |= {" ".join(value.lower().split()), *_LETTERS.findall(value.lower())}

    def add(self, kind: Kind, attribute: str, value: str) -> None:
        """Add what identifies in a value of an attribute."""
        text = " ".join(value.replace("\0", " ").split())[:LONGEST_TEXT]
        is_new = kind == "uid" or (kind, attribute, text) not in self._seen
        if text and is_new:
            if kind != "uid":  # there are as many as slices
                self._seen.add((kind, attribute, text))
            _ADD[kind](self, attribute, text)

    def put(self, kind: Kind, attribute: str, text: str, *, shortest: int) -> None:
        """Add one token as it is, or count it if it is too short."""
        if len(text) < shortest:
            self.skipped[kind, attribute] += 1
        else:
            self.found.setdefault((kind, text.lower()), Token(kind, attribute, text))


def _name(tokens: Tokens, attribute: str, text: str) -> None:
    """Add a person name: its groups (ideographic, phonetic) are names of their own."""
    for group in re.split(r"[=;&]", text):
        words = _LETTERS.findall(group)
        if words:
            tokens.put("name", attribute, " ".join(words), shortest=2)
        for word in group.replace("^", " ").split():
            if any(letter.isdigit() for letter in word):
                _id(tokens, attribute, word)
        _embedded(tokens, attribute, group)


def _id(tokens: Tokens, attribute: str, text: str) -> None:
    is_number = text.replace(".", "").replace("-", "").isdecimal()
    is_code = any(map(str.isdigit, text)) and any(map(str.isalpha, text)) and " " not in text
    if not (is_number or is_code) and all(map(_is_common_or_number, text.split())):
        tokens.skipped["id", attribute] += 1
        return
    tokens.put("id", attribute, text, shortest=SHORTEST_NUMBER if is_number else SHORTEST_TEXT)
    _embedded(tokens, attribute, text)


def _date(tokens: Tokens, attribute: str, text: str) -> None:
    if not _embedded(tokens, attribute, text):
        _text(tokens, attribute, text)


def _time(tokens: Tokens, attribute: str, text: str) -> None:
    """Add a time with a fraction of a second; others coincide with any clock."""
    fraction = text.partition(".")[2].rstrip("0")
    tokens.put("time", attribute, text, shortest=10 if len(fraction) > 2 else len(text) + 1)


def _uid(tokens: Tokens, attribute: str, text: str) -> None:
    from hounsfield.io.dicom.tags import PUBLIC_ROOT

    if not text.startswith(PUBLIC_ROOT):
        tokens.put("uid", attribute, text, shortest=SHORTEST_UID)


def _measure(tokens: Tokens, attribute: str, text: str) -> None:
    """Add a number of four digits or more: 81.25, not 80."""
    digits = sum(letter.isdigit() for letter in text.strip("0"))
    tokens.put("measure", attribute, text, shortest=0 if digits > 3 else len(text) + 1)


def _age(tokens: Tokens, attribute: str, text: str) -> None:
    tokens.put("age", attribute, text, shortest=SHORTEST_TEXT)


def _label(tokens: Tokens, attribute: str, text: str) -> None:
    """Add the name of a region, unless it is that of a structure or of nothing but a number."""
    words = _LETTERS.findall(text)
    if all(is_common(word) for word in words):
        tokens.skipped["label", attribute] += 1
    else:
        tokens.put("label", attribute, text, shortest=SHORTEST_TEXT - 1)
    _embedded(tokens, attribute, text)


def _text(tokens: Tokens, attribute: str, text: str) -> None:
    """Add a free text: the whole, its phrases, and words that are not of this package."""
    _embedded(tokens, attribute, text)
    words = _WORD.findall(text)
    if all(_is_common_or_number(word) for word in words):
        tokens.skipped["text", attribute] += 1
        return
    tokens.put("text", attribute, text, shortest=SHORTEST_TEXT)
    for start in range(len(words) - PHRASE_WORDS):
        phrase = words[start : start + PHRASE_WORDS]
        if not all(_is_common_or_number(word) for word in phrase):
            tokens.put("text", attribute, " ".join(phrase), shortest=PHRASE_CHARACTERS)
    if len(words) > 1:
        _words(tokens, "text", attribute, words)


def _words(tokens: Tokens, kind: Kind, attribute: str, words: list[str]) -> None:
    """Add numbers and codes of a text, and words that no output has unless it is from a source."""
    for word in words:
        if _is_code(word):
            tokens.put(kind, attribute, word, shortest=SHORTEST_TEXT + 1)
        for part in _LETTERS.findall(word):
            if len(part) >= SHORTEST_WORD and not is_common(part):
                tokens.put(kind, attribute, part, shortest=SHORTEST_WORD)


def _institution(tokens: Tokens, attribute: str, text: str) -> None:
    """Add the name or address of an institution: the whole, and its longer words."""
    _embedded(tokens, attribute, text)
    words = _WORD.findall(text)
    if len(words) == 1 and _is_common_or_number(text):
        tokens.skipped["institution", attribute] += 1
        return
    tokens.put("institution", attribute, text, shortest=SHORTEST_TEXT)
    if len(words) > 1:
        _words(tokens, "institution", attribute, words)


def _path(tokens: Tokens, attribute: str, text: str) -> None:
    """Add one name of a folder or file: the whole, and its words."""
    _embedded(tokens, attribute, text)
    if GENERIC_NAMES.fullmatch(text) or all(map(_is_common_or_number, re.split(r"[\W_]+", text))):
        tokens.skipped["path", attribute] += 1
        return
    tokens.put("path", attribute, text, shortest=SHORTEST_TEXT - 1)
    for word in re.split(r"[\W_]+", text):
        if word.isdecimal():
            tokens.put("path", attribute, word, shortest=SHORTEST_NUMBER)
        elif not (word == text or is_common(word) or GENERIC_NAMES.fullmatch(word)):
            tokens.put("path", attribute, word, shortest=SHORTEST_TEXT)


def _file_digest(tokens: Tokens, attribute: str, text: str) -> None:
    tokens.put("file-digest", attribute, text, shortest=32)


_ADD = {
    "name": _name,
    "id": _id,
    "date": _date,
    "time": _time,
    "uid": _uid,
    "age": _age,
    "measure": _measure,
    "text": _text,
    "institution": _institution,
    "path": _path,
    "label": _label,
    "file-digest": _file_digest,
}


def _embedded(tokens: Tokens, attribute: str, text: str) -> bool:
    """Add the dates and UIDs in a text, and names with carets; returns whether it had dates."""
    days = list(dates_in(text))
    for day in days:
        if day not in DUMMY_DATES:
            tokens.put("date", attribute, day.isoformat(), shortest=0)
    for uid in _UID.findall(text):
        _uid(tokens, attribute, uid)
    for name in re.findall(r"[^\W\d_][\w'-]*(?:\^[\w' -]+)+", text):
        tokens.put("name", attribute, " ".join(_LETTERS.findall(name)), shortest=2)
    return bool(days)


def dates_in(text: str) -> Iterator[date]:
    """Yield the dates in a text, with the year first or last.

    >>> [day.isoformat() for day in dates_in("scan_20200131, 2.3.1950, 123456789")]
    ['2020-01-31', '1950-03-02', '1950-02-03']
    """
    for year, _, month, day in _DATE.findall(text):
        yield from _day(year, month, day)
    for first, _, second, year in _DAY_FIRST.findall(text):
        yield from _day(year, second, first)
        if first != second:
            yield from _day(year, first, second)


def _day(year: str, month: str, day: str) -> Iterator[date]:
    if FIRST_YEAR <= int(year) <= LAST_YEAR:
        try:
            yield date(int(year), int(month), int(day))
        except ValueError:
            return


def _is_code(word: str) -> bool:
    """Whether a word is a number of six digits or more, an address, or letters with digits."""
    has_digits = any(letter.isdigit() for letter in word)
    if word.isdecimal():
        return len(word) > SHORTEST_NUMBER
    return "@" in word or (has_digits and any(letter.isalpha() for letter in word))


def _is_common_or_number(word: str) -> bool:
    letters = _LETTERS.findall(word)
    digits = sum(letter.isdecimal() for letter in word)
    return digits < SHORTEST_NUMBER and not _is_mixed(word) and all(map(is_common, letters))


def _is_mixed(word: str) -> bool:
    """Whether a word of over four characters has letters and over two digits: an id, not H30s."""
    digits = sum(letter.isdecimal() for letter in word)
    return digits > 2 and digits < len(word) > SHORTEST_TEXT and any(map(str.isalpha, word))
