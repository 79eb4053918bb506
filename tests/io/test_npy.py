"""npy with its sidecar: no pickle, no shape that is not there, no array without a place."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from hounsfield.core.errors import HounsfieldError, QuantityError, ReadError, RefusedError
from hounsfield.core.volume import Volume
from hounsfield.io.open import open as open_ct
from hounsfield.io.open import read
from hounsfield.io.write import write
from tests.io.made import AFFINE, head_like


@pytest.fixture
def written(tmp_path: Path) -> Path:
    write(Volume.from_array(head_like(), affine=AFFINE), tmp_path / "x.npy")
    return tmp_path / "x.npy"


def test_numpy_loads_what_is_written(written: Path) -> None:
    np.testing.assert_array_equal(np.load(written), head_like())
    fields = json.loads(written.with_suffix(".json").read_text())
    assert (fields["quantity"], fields["background"], fields["dtype"]) == ("hu", -1024.0, "int16")
    np.testing.assert_array_equal(fields["affine_ras_mm"], AFFINE)


def test_an_npy_in_rows_is_read_too(written: Path) -> None:
    np.save(written, np.ascontiguousarray(head_like()))
    np.testing.assert_array_equal(read(written).array, head_like())


def test_without_its_sidecar_it_is_refused(written: Path) -> None:
    written.with_suffix(".json").unlink()
    with pytest.raises(RefusedError, match="sidecar"):
        read(written)


def test_the_sidecar_says_what_it_holds(tmp_path: Path) -> None:
    unit = np.linspace(0, 1, 60, dtype=np.float32).reshape(3, 4, 5)
    write(
        Volume.from_array(unit, affine=AFFINE, quantity="unit", background=0.25), tmp_path / "x.npy"
    )
    stack = open_ct(tmp_path / "x.npy")
    assert (stack.quantity, stack.background) == ("unit", 0.25)
    volume = read(tmp_path / "x.npy")
    assert (volume.quantity, volume.background) == ("unit", 0.25)
    with pytest.raises(QuantityError, match="declares unit, expected hu"):
        read(tmp_path / "x.npy", quantity="hu")


def test_a_pickle_is_never_loaded(written: Path) -> None:
    np.save(written, np.array([{"a": 1}] * 8, dtype=object).reshape(2, 2, 2), allow_pickle=True)
    with pytest.raises(RefusedError, match="objects"):
        read(written)
    written.write_bytes(pickle.dumps(head_like()))
    with pytest.raises(HounsfieldError):
        read(written)


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '<i2', 'fortran_order': True, 'shape': (18, 17, 10**9), }",
        "{'descr': '<i2', 'shape': (18, 17, 16)}",
        "{'descr': '<i2', 'fortran_order': True, 'shape': (18, 17, 30000000), }",
        "().__class__",
        "[" * 500,
        "{'descr': '<i2', 'fortran_order': True, 'shape': (18, -17, -16), }",
        "{'descr': '<i2', 'fortran_order': True, 'shape': (18, 17), }",
        "{'descr': [('a', '<i2')], 'fortran_order': True, 'shape': (18, 17, 16), }",
        "{'descr': '<c8', 'fortran_order': True, 'shape': (18, 17, 16), }",
    ],
)
def test_a_header_that_lies_is_refused(written: Path, header: str) -> None:
    text = header.encode().ljust(200) + b"\n"
    written.write_bytes(
        b"\x93NUMPY\1\0" + len(text).to_bytes(2, "little") + text + head_like().tobytes(order="F")
    )
    with pytest.raises(HounsfieldError):
        read(written)


@pytest.mark.parametrize(
    "change",
    [
        {"schema": 2},
        {"shape": [18, 17, 15]},
        {"shape": None},
        {"dtype": "float32"},
        {"dtype": "O"},
        {"quantity": "x"},
        {"affine_ras_mm": [[1]]},
        {"affine_ras_mm": [[0] * 4] * 4},
        {"background": "x"},
        {"background": float("nan")},
        {"slope": 0},
        {"unknown": 1},
        {"channels": 3},
        {"shape": [18.5, 17, 16]},
    ],
)
def test_a_sidecar_that_lies_is_refused(written: Path, change: dict[str, object]) -> None:
    sidecar = written.with_suffix(".json")
    sidecar.write_text(json.dumps(json.loads(sidecar.read_text()) | change))
    with pytest.raises(HounsfieldError):
        read(written)


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000, " " * (2 << 20)])
def test_a_sidecar_that_is_none_is_refused(written: Path, text: str) -> None:
    written.with_suffix(".json").write_text(text)
    with pytest.raises(ReadError, match="sidecar"):
        read(written)


def test_truncation_anywhere_is_an_error_and_never_zeros(written: Path) -> None:
    data = written.read_bytes()
    for stop in [*(len(data) * part // 32 for part in range(32)), len(data) - 1]:
        written.write_bytes(data[:stop])
        with pytest.raises(HounsfieldError):
            read(written)
