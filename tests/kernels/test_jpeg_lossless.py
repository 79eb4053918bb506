"""JPEG Lossless: every predictor, width and table gives back what was encoded; the rest raises."""

from __future__ import annotations

import random

import imagecodecs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hounsfield.kernels.jpeg_lossless import decode_lossless
from tests.io.dicom.jpeg_lossless import FLAT, ORDER, STEEP, encode

TABLES = {"flat": (FLAT, tuple(range(17))), "steep": (STEEP, ORDER)}


def smooth(bits: int, *, low: int = 0, shape: tuple[int, int] = (19, 23)) -> np.ndarray:
    """Samples of `bits` bits from `low`, waves and noise over the whole range, in int64."""
    i, j = np.indices(shape)
    noise = np.random.default_rng(bits).normal(0, 3, shape)
    wave = (1 + np.sin(i / 3) * np.cos(j / 4)) / 2 * (2**bits - 1) + noise
    return np.clip(np.rint(wave), 0, 2**bits - 1).astype(np.int64) + low


@given(
    st.integers(1, 7),
    st.integers(2, 16),
    st.integers(0, 3),
    st.integers(1, 9),
    st.integers(1, 9),
    st.sampled_from(sorted(TABLES)),
    st.integers(0, 4),
    st.integers(0, 2**32 - 1),
)
def test_random_samples_come_back(
    predictor: int,
    bits: int,
    shift: int,
    rows: int,
    columns: int,
    table: str,
    restart_rows: int,
    seed: int,
) -> None:
    shift = min(shift, bits - 1)
    samples = np.random.default_rng(seed).integers(0, 2**bits, (rows, columns)).astype(np.uint16)
    counts, order = TABLES[table]
    stream = encode(
        samples,
        predictor=predictor,
        bits=bits,
        shift=shift,
        restart_rows=restart_rows,
        counts=counts,
        order=order,
    )
    found = decode_lossless(stream, shape=samples.shape)
    assert np.array_equal(found.words, samples >> shift << shift)
    assert found.bits == bits


@pytest.mark.parametrize("bits", [8, 10, 12, 13, 16])
@pytest.mark.parametrize("predictor", range(1, 8))
def test_signed_prediction_comes_back(predictor: int, bits: int) -> None:
    samples = smooth(bits, low=-(2 ** (bits - 1))).astype(np.int16)
    stream = encode(samples, predictor=predictor, bits=bits)
    found = decode_lossless(stream, shape=samples.shape, is_signed=True)
    assert np.array_equal(found.words, samples.astype(np.int64) & 2**bits - 1)
    assert found.is_ambiguous == (predictor > 4)


@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize("predictor", range(1, 8))
def test_streams_of_libjpeg_come_back(predictor: int, bits: int) -> None:
    samples = smooth(bits).astype(np.uint16 if bits > 8 else np.uint8)
    stream = bytes(
        imagecodecs.jpeg8_encode(
            samples, lossless=True, predictor=predictor, bitspersample=bits, level=0
        )
    )
    assert np.array_equal(decode_lossless(stream, shape=samples.shape).words, samples)


@pytest.mark.parametrize("predictor", range(1, 8))
def test_libjpeg_reads_the_streams_of_these_tests(predictor: int) -> None:
    samples = smooth(16).astype(np.uint16)
    assert np.array_equal(
        imagecodecs.jpeg8_decode(encode(samples, predictor=predictor, bits=16)), samples
    )


def test_cut_stream_raises() -> None:
    samples = smooth(12).astype(np.uint16)
    stream = encode(samples, predictor=6, bits=12, restart_rows=5)
    for stop in range(len(stream)):
        with pytest.raises(ValueError, match=r"\w"):
            decode_lossless(stream[:stop], shape=samples.shape)


def test_stream_of_another_size_raises() -> None:
    stream = encode(smooth(12).astype(np.uint16), predictor=1, bits=12)
    for shape in ((19, 24), (18, 23), (0, 0), (23, 19), (1, 1)):
        with pytest.raises(ValueError, match="size"):
            decode_lossless(stream, shape=shape)


def test_stream_that_goes_on_after_the_last_sample_raises() -> None:
    stream = encode(smooth(12).astype(np.uint16), predictor=1, bits=12)
    with pytest.raises(ValueError, match="continues"):
        decode_lossless(stream[:-2] + bytes(9) + stream[-2:], shape=(19, 23))


@pytest.mark.parametrize("seed", range(4))
def test_mutants_give_values_or_a_value_error(seed: int) -> None:
    samples = smooth(12).astype(np.uint16)
    good = encode(samples, predictor=1 + seed, bits=12, restart_rows=seed * 3)
    chance = random.Random(seed)
    for _ in range(1500):
        data = bytearray(good)
        for _ in range(chance.randint(1, 4)):
            place = chance.randrange(len(data) if chance.random() < 0.5 else 70)
            data[place] = chance.choice((0, 1, 0xFF, 0xC3, 0xDA, chance.randrange(256)))
        if chance.random() < 0.2:
            del data[chance.randrange(len(data)) :]
        try:
            found = decode_lossless(bytes(data), shape=samples.shape, is_signed=bool(seed % 2))
        except ValueError:
            continue
        assert found.words.max() < 1 << found.bits
