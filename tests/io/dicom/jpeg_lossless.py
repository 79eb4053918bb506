"""Encode JPEG Lossless (SOF3) with any predictor, from ITU-T T.81 alone.


Decoders are tested on it; it computes whole planes with numpy, they go sample by sample.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

FLAT = (0, 0, 0, 0, 17)
"""Code lengths of a table with 17 codes of 5 bits, which any category fits."""

STEEP = (0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 3)
"""A table with codes of 2 to 16 bits; the likely categories come first in `ORDER`."""

ORDER = (6, 5, 7, 4, 3, 8, 2, 9, 1, 0, 10, 11, 12, 13, 14, 15, 16)


def predictions(samples: np.ndarray, predictor: int, *, bits: int, restart_rows: int) -> np.ndarray:
    """Table H.1 and H.1.2.1 for every sample (rows, columns); signed samples stay signed."""
    a, b, c = (np.zeros(samples.shape, np.int64) for _ in range(3))
    a[:, 1:], b[1:], c[1:, 1:] = samples[:, :-1], samples[:-1], samples[:-1, :-1]
    rules = {
        1: a,
        2: b,
        3: c,
        4: a + b - c,
        5: a + ((b - c) >> 1),
        6: b + ((a - c) >> 1),
        7: (a + b) >> 1,
    }
    predicted = rules[predictor].copy()
    predicted[:, 0] = b[:, 0]
    first = np.arange(0, len(samples), restart_rows or len(samples))
    predicted[first] = a[first]
    predicted[first, 0] = 1 << bits - 1
    return predicted


def codes(counts: Sequence[int], order: Sequence[int]) -> dict[int, tuple[int, int]]:
    """(code, length) of each category: figures C.1 and C.2."""
    found, code, rank = {}, 0, 0
    for length, count in enumerate(counts, 1):
        for _ in range(count):
            found[order[rank]] = (code, length)
            code, rank = code + 1, rank + 1
        code <<= 1
    return found


def entropy(differences: np.ndarray, table: dict[int, tuple[int, int]]) -> bytes:
    """The entropy-coded segment of differences modulo 65536, stuffed and padded by ones."""
    diff = differences.ravel() & 0xFFFF
    diff = np.where(diff > 32768, diff - 65536, diff)
    size = np.ceil(np.log2(np.abs(diff) + 1)).astype(np.int64)
    code = np.array([table.get(n, (0, 0))[0] for n in range(17)])[size]
    length = np.array([table.get(n, (0, 0))[1] for n in range(17)])[size]
    extra = np.where(size == 16, 0, size)
    tail = np.where(size == 16, 0, np.where(diff < 0, diff + (1 << size) - 1, diff))
    word, count = code << extra | tail, length + extra
    total = int(count.sum())
    bits = np.ones(total + -total % 8, np.uint8)
    start = np.cumsum(count) - count
    for n in range(int(count.max())):
        has = n < count
        bits[start[has] + n] = word[has] >> (count[has] - 1 - n) & 1
    return np.packbits(bits).tobytes().replace(b"\xff", b"\xff\0")


def segment(marker: int, content: bytes) -> bytes:
    """A marker segment with its length."""
    return bytes((0xFF, marker)) + (len(content) + 2).to_bytes(2) + content


def encode(
    samples: np.ndarray,
    *,
    predictor: int,
    bits: int,
    shift: int = 0,
    restart_rows: int = 0,
    counts: Sequence[int] = FLAT,
    order: Sequence[int] = tuple(range(17)),
) -> bytes:
    """A codestream of one component; `shift` is the point transform, signed samples stay signed.

    Signed samples are predicted as signed values, as some encoders do, and stored modulo 2^bits.
    """
    rows, columns = samples.shape
    shifted = samples.astype(np.int64) >> shift
    predicted = predictions(shifted, predictor, bits=bits - shift, restart_rows=restart_rows)
    if samples.dtype.kind == "i" and restart_rows:
        raise ValueError("signed samples are encoded without restarts")
    table = codes(counts, order)
    difference = shifted - predicted
    parts = (
        np.split(difference, range(restart_rows, rows, restart_rows))
        if restart_rows
        else [difference]
    )
    scan = b"".join(
        entropy(part, table) + (bytes((0xFF, 0xD0 + n % 8)) if n + 1 < len(parts) else b"")
        for n, part in enumerate(parts)
    )
    lengths = bytes(counts) + bytes(16 - len(counts))
    return b"".join(
        (
            b"\xff\xd8",
            segment(0xC3, bytes((bits,)) + rows.to_bytes(2) + columns.to_bytes(2) + b"\1\1\x11\0"),
            segment(0xC4, b"\0" + lengths + bytes(order)),
            segment(0xDD, (restart_rows * columns).to_bytes(2)) if restart_rows else b"",
            segment(0xDA, b"\1\1\0" + bytes((predictor, 0, shift))),
            scan,
            b"\xff\xd9",
        )
    )
