"""Ways to break a file: its bytes, the words of a text, and the structure of a DICOM object."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from struct import pack

from tests.fuzz.elements import PIXELS, UNDEFINED, Element, File, copied

ROWS, COLUMNS, FRAMES, SYNTAX = (0x28, 0x10), (0x28, 0x11), (0x28, 0x08), (0x02, 0x10)
SYNTAXES = (
    b"1.2.840.10008.1.2",
    b"1.2.840.10008.1.2.1",
    b"1.2.840.10008.1.2.1.99",
    b"1.2.840.10008.1.2.2",
    b"1.2.840.10008.1.2.4.50",
    b"1.2.840.10008.1.2.4.51",
    b"1.2.840.10008.1.2.4.57",
    b"1.2.840.10008.1.2.4.70",
    b"1.2.840.10008.1.2.4.80",
    b"1.2.840.10008.1.2.4.90",
    b"1.2.840.10008.1.2.4.91",
    b"1.2.840.10008.1.2.4.201",
    b"1.2.840.10008.1.2.5",
    b"1.2.840.10008.1.2.4.100",
    b"1.2.3",
    b"",
)
VRS = (
    b"AE AS AT CS DA DS DT FL FD IS LO LT OB OD OF OL OV OW PN "
    b"SH SL SQ SS ST SV TM UC UI UL UN UR US UT UV XX \0\0 ??"
).split(b" ")
NUMBERS = (
    b"nan",
    b"inf",
    b"-inf",
    b"1e400",
    b"-1",
    b"0",
    b"1e-320",
    b"9" * 60,
    b"1\\2",
    b"\\\\\\",
    b"",
    b"1_0",
    b"0x10",
    b"1e308",
    b"-0.0",
    b"1\\nan\\3",
    b"1\\2\\3\\4\\5\\6\\7",
    b"\xd9\xa1",
    b" 1 ",
    b"1.5e",
    b"00001",
)
WORDS = (
    b"SECRET\x1b[31m",
    b"<script>alert(1)</script>",
    b"../../etc/passwd",
    b"/dev/zero",
    b"\0\0\0",
    b"\xff\xfe\xfd",
    b"A" * 5000,
    b"SECRET\nSECRET",
    b"%s%n{0}",
    b"1.2.840.10008.5.1.4.1.1.2",
    b"RTSTRUCT",
    b"ORIGINAL\\PRIMARY\\LOCALIZER",
)
SHORTS = (0, 1, 2, 7, 8, 9, 12, 16, 17, 32, 64, 255, 4096, 8192, 8193, 32767, 32768, 65535)
LONGS = (0, 1, 7, 8, 63, 64, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFF0, UNDEFINED)

Mutate = Callable[[bytes, random.Random], bytes]


def broken_bytes(content: bytes, chance: random.Random, *, head: int = 1400) -> bytes:
    """A few bytes set, flipped, cut, doubled or zeroed, or the end cut; mostly near the start."""
    out = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 4, 8))):
        reach = min(len(out), head) if chance.random() < 0.8 else len(out)
        place, size, kind = (
            chance.randrange(max(1, reach)),
            chance.choice((1, 1, 2, 4, 8, 64)),
            chance.randrange(7),
        )
        if kind == 0:
            out[place : place + 1] = bytes([chance.randrange(256)])
        elif kind == 1:
            out[place : place + size] = chance.choice((b"\0", b"\xff", b"9", b" ")) * size
        elif kind == 2:
            del out[place : place + size]
        elif kind == 3:
            out[place:place] = out[place : place + size]
        elif kind == 4:
            out[place : place + 4] = chance.choice(LONGS).to_bytes(
                4, chance.choice(("little", "big"))
            )
        elif kind == 5:
            out[place : place + 1] = bytes(
                value ^ 1 << chance.randrange(8) for value in out[place : place + 1]
            )
        elif chance.random() < 0.3:
            del out[place:]
    return bytes(out)


def broken_text(content: bytes, chance: random.Random) -> bytes:
    """Numbers, words and lines of a text changed, doubled, swapped or removed, or bytes broken."""
    text = content
    for _ in range(chance.choice((1, 1, 2, 3))):
        kind = chance.randrange(6)
        if kind == 0:
            text = _replaced(
                text,
                rb"-?\d+\.?\d*(e[-+]?\d+)?",
                chance.choice((*NUMBERS, b"1" * 400, b"[]", b"null", b"true")),
                chance,
            )
        elif kind == 1:
            text = _replaced(
                text,
                rb"[A-Za-z_]+",
                chance.choice((*WORDS[1:5], b"SECRET", b"null", b"__class__", b"1")),
                chance,
            )
        elif kind == 2:
            text = _replaced(
                text,
                rb'"[^"\n]*"|\[[^\]]*\]',
                chance.choice(
                    (
                        b"{}",
                        b"[]",
                        b"-7",
                        b"null",
                        b'"\\u001b[31m"',
                        b"[[1]]",
                        b"[" * 3000,
                        b"1e999",
                        b'"x"',
                        b'{"a": 1}',
                    )
                ),
                chance,
            )
        elif kind == 3:
            lines = text.split(b"\n")
            place, other = (chance.randrange(len(lines)) for _ in range(2))
            lines[place : place + 1] = chance.choice(
                ([], [lines[place]] * 2, [lines[other]], [lines[other], lines[place]])
            )
            text = b"\n".join(lines)
        elif kind == 4:
            text = broken_bytes(text, chance, head=len(text) + 1)
        else:
            text = text[: chance.randrange(len(text) + 1)] if chance.random() < 0.3 else text
    return text


def _replaced(text: bytes, pattern: bytes, by: bytes, chance: random.Random) -> bytes:
    found = list(re.finditer(pattern, text))
    if not found:
        return text
    one = chance.choice(found)
    return text[: one.start()] + by + text[one.end() :]


def broken_dicom(
    content: bytes, chance: random.Random, *, pack_again: Callable[[File], bytes] | None = None
) -> bytes:
    """Break a DICOM file's structure, bytes or both; `pack_again` writes other encodings."""
    if chance.random() < 0.2:
        return broken_bytes(content, chance)
    return broken_tree(File.of(content), chance, pack_again=pack_again)


def broken_tree(
    file: File, chance: random.Random, *, pack_again: Callable[[File], bytes] | None = None
) -> bytes:
    """A file's bytes after a few breaks of its structure and, one time in five, of its bytes."""
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        chance.choice(BREAKS)(file, chance)
    out = file.content(implicit=chance.random() < 0.05) if pack_again is None else pack_again(file)
    return broken_bytes(out, chance) if chance.random() < 0.2 else out


def _any(file: File, chance: random.Random) -> tuple[list[Element], int]:
    """A place in the file; its top as often as all that is nested."""
    lists = [rows for rows in file.everything() if rows]
    rows = file.data if chance.random() < 0.4 and file.data else chance.choice(lists)
    return rows, chance.randrange(len(rows))


def _value(file: File, chance: random.Random) -> None:
    rows, place = _any(file, chance)
    one = rows[place]
    if one.items is not None or one.fragments is not None:
        return
    if one.vr in (b"US", b"SS"):
        one.value = pack("<H", chance.choice(SHORTS)) * chance.choice((1, 1, 1, 0, 2))
    elif one.vr in (b"UL", b"FL", b"FD", b"OW", b"OB"):
        one.value = (
            one.value[: chance.randrange(len(one.value) + 1)]
            if chance.random() < 0.5
            else one.value * 2
        )
    else:
        one.value = chance.choice(
            NUMBERS if one.vr in (b"DS", b"IS") or chance.random() < 0.3 else WORDS
        )


def _number(file: File, chance: random.Random) -> None:
    """One of the numbers that say how large things are."""
    tag = chance.choice(
        (
            (0x28, 0x02),
            (0x28, 0x100),
            (0x28, 0x101),
            (0x28, 0x102),
            (0x28, 0x103),
            ROWS,
            COLUMNS,
            FRAMES,
            (0x28, 0x1052),
            (0x28, 0x1053),
            (0x28, 0x30),
            (0x20, 0x32),
            (0x20, 0x37),
            (0x28, 0x120),
        )
    )
    one = file.find(tag)
    if one is None:
        file.data.insert(0, Element(tag, b"IS", chance.choice(NUMBERS)))
    elif one.vr in (b"US", b"SS"):
        one.value = pack("<H", chance.choice(SHORTS))
    else:
        one.value = chance.choice((*NUMBERS, b"2", b"3", b"1000", b"100000", b"99999999999"))


def _length(file: File, chance: random.Random) -> None:
    rows, place = _any(file, chance)
    rows[place].length = chance.choice((*LONGS, len(rows[place].value) + chance.randrange(-9, 10)))


def _vr(file: File, chance: random.Random) -> None:
    rows, place = _any(file, chance)
    rows[place].vr = chance.choice(VRS)


def _moved(file: File, chance: random.Random) -> None:
    """An element left out, doubled, moved or given another's tag."""
    rows, place = _any(file, chance)
    other, there = _any(file, chance)
    kind = chance.randrange(4)
    if kind == 0:
        del rows[place]
    elif kind == 1:
        rows.insert(place, copied(rows[place]))
    elif kind == 2:
        other.insert(there, copied(rows[place]))
    else:
        rows[place].tag = other[there].tag


def _nested(file: File, chance: random.Random) -> None:
    """Sequences within sequences, some deeper than anyone reads; or an item too many or too few."""
    rows, place = _any(file, chance)
    if rows[place].items and chance.random() < 0.5:
        items = rows[place].items or []
        if chance.random() < 0.5:
            items.pop()
        else:
            items.append([copied(one) for one in chance.choice(items)])
        return
    inner = [Element((0x10, 0x4000), b"LT", b"SECRET")]
    for _ in range(chance.choice((1, 3, 60, 64, 65, 70, 120))):
        inner = [
            Element(
                (0x40, 0x9096),
                chance.choice((b"SQ", b"SQ", b"SQ", b"UN")),
                items=[inner],
                endless=chance.random() < 0.5,
            )
        ]
    rows[place:place] = inner


def _endless(file: File, chance: random.Random) -> None:
    rows, place = _any(file, chance)
    rows[place].endless = not rows[place].endless


def _syntax(file: File, chance: random.Random) -> None:
    one = file.find(SYNTAX)
    if one is not None:
        one.value = chance.choice(SYNTAXES)


def _parcels(file: File, chance: random.Random) -> None:
    """Fragments and offset table removed, emptied, split, swapped, repeated, or made native."""
    pixels = file.find(PIXELS)
    if pixels is None or not pixels.fragments:
        return
    parts, kind = pixels.fragments, chance.randrange(9)
    place = chance.randrange(len(parts))
    if kind == 0:
        parts.pop(place)
    elif kind == 1:
        parts[place] = b""
    elif kind == 2:
        cut = chance.randrange(len(parts[place]) + 1)
        parts[place : place + 1] = [parts[place][:cut], parts[place][cut:]]
    elif kind == 3:
        chance.shuffle(parts)
    elif kind == 4:
        parts[0] = b"".join(
            pack("<I", chance.choice((*LONGS, chance.randrange(2000))))
            for _ in range(chance.randrange(9))
        )
    elif kind == 5:
        parts[place:place] = [b""] * chance.choice((1, 100, 3000))
    elif kind == 6:
        parts[place] = parts[place][: chance.randrange(len(parts[place]) + 1)]
    elif kind == 7:
        parts.insert(place, parts[place])
    else:
        pixels.value, pixels.fragments = b"".join(parts), None


def _codestream(file: File, chance: random.Random) -> None:
    """Break the compressed bytes: RLE's header, the sizes in JPEG or JPEG 2000 headers, anything.

    In half of all cases Rows and Columns get the same sizes.
    """
    pixels = file.find(PIXELS)
    if pixels is None or not pixels.fragments or len(pixels.fragments) < 2:
        return
    place = chance.randrange(1, len(pixels.fragments))
    data = bytearray(pixels.fragments[place])
    rows, columns = (chance.choice((0, 1, 5, 7, 64, 4096, 8193, 65535)) for _ in range(2))
    frame = re.search(rb"\xff[\xc0\xc1\xc2\xc3\xf7]\0.", data, re.DOTALL)
    if data[:4] == b"\xff\x4f\xff\x51":
        data[8:16] = pack(">II", columns, rows)
        if chance.random() < 0.6:
            data[24:32] = pack(">II", columns, rows)
    elif frame is not None:
        data[frame.start() + 5 : frame.start() + 9] = pack(">HH", rows, columns)
    elif len(data) >= 64:
        word = 4 * chance.randrange(16)
        data[word : word + 4] = pack("<I", chance.choice((*LONGS, chance.randrange(len(data) + 9))))
    if chance.random() < 0.5:
        for tag, size in ((ROWS, rows), (COLUMNS, columns)):
            one = file.find(tag)
            if one is not None:
                one.value = pack("<H", size)
    out = bytes(data)
    pixels.fragments[place] = broken_bytes(out, chance, head=200) if chance.random() < 0.4 else out


BREAKS: tuple[Callable[[File, random.Random], None], ...] = (
    _value,
    _value,
    _number,
    _number,
    _length,
    _vr,
    _moved,
    _nested,
    _endless,
    _syntax,
    _parcels,
    _codestream,
    _codestream,
)
