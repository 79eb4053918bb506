"""A gzip file that is written depends on its content alone."""

from __future__ import annotations

import gzip
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hounsfield.io.bytes.gzip import write

CONTENT = np.random.default_rng(0).normal(40, 30, 300_000).astype(np.int16).tobytes()
"""Values like those of CT: what is found to repeat depends on where they are cut."""


def packed(sizes: list[int]) -> bytes:
    """CONTENT as a gzip file, in writes of some sizes and the rest."""
    file, start = io.BytesIO(), 0
    with write.gzip_stream(file) as stream:
        for size in sizes:
            stream.write(CONTENT[start : start + size])
            start += size
        stream.write(CONTENT[start:])
    return file.getvalue()


@given(st.lists(st.integers(0, 200_000), max_size=8))
def test_a_gzip_file_does_not_depend_on_the_sizes_of_its_writes(sizes: list[int]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(write, "BLOCK_BYTES", 1 << 16)
        file = packed(sizes)
        assert file == packed([])
    assert gzip.decompress(file) == CONTENT


def test_values_that_are_no_bytes_are_written_whole() -> None:
    values, file = np.arange(9, dtype=np.float32), io.BytesIO()
    with write.gzip_stream(file) as stream:
        stream.write(values.data)
    assert gzip.decompress(file.getvalue()) == values.tobytes()
