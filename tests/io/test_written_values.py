"""One cast for every writer and for a run: what is written reads back rounded, or is refused."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hounsfield as hu
from hounsfield.core.errors import HounsfieldError, QuantityError

DTYPES = ("bool", "int8", "uint8", "int16", "uint16", "int32", "float16", "float32", "float64")
NO_DTYPES = ("int17", "016", "float128", "complex64", "S4", "O", "i4,f4", "datetime64[s]", 3, "")


def scan(*values: float, quantity: str = "other", dtype: str = "float64") -> hu.Volume:
    """A volume of 2 x 2 x 2 voxels that begins with these values."""
    array = np.resize(np.array(values, dtype), (2, 2, 2))
    return hu.Volume.from_array(
        np.asfortranarray(array), affine=np.diag([-1, -1, 2, 1]), quantity=quantity, background=0
    )


@settings(max_examples=60)
@given(
    values=st.lists(st.floats(-7e4, 7e4) | st.integers(-300, 300), min_size=1, max_size=8),
    dtype=st.sampled_from(DTYPES),
    suffix=st.sampled_from(("nii", "nii.gz", "nrrd", "npy")),
)
def test_whatever_is_written_reads_back_within_rounding_or_is_refused(
    values: list[float], dtype: str, suffix: str
) -> None:
    volume = scan(*values)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"v.{suffix}"
        try:
            hu.write(volume, path, dtype=dtype)
        except QuantityError:
            assert not path.exists()
            return
        back = hu.read(path, quantity="other").array
    assert np.isfinite(back).all()
    tolerance = 0.5
    if dtype.startswith("float"):  # half a unit in the last place of the narrower of both
        narrow = "float16" if dtype == "float16" else "float32"
        tolerance = float(np.spacing(np.abs(volume.array).astype(narrow)).max()) / 2
    assert np.abs(back - volume.array).max() <= tolerance


UNIT, LARGE, WIDE = scan(0.25, 0.75, quantity="unit"), scan(70000.0), scan(65520.0, -129.0)


@pytest.mark.parametrize(
    ("volume", "dtype"),
    [(UNIT, dtype) for dtype in ("uint8", "int16", "bool")]
    + [(volume, dtype) for volume in (LARGE, WIDE) for dtype in ("float16", "int16", "bool")],
)
@pytest.mark.parametrize("suffix", ["nii.gz", "nrrd", "npy"])
def test_write_and_run_refuse_the_same_values(
    volume: hu.Volume, dtype: str, suffix: str, tmp_path: Path
) -> None:
    found = set()
    for act in (
        lambda: hu.write(volume, tmp_path / f"v.{suffix}", dtype=dtype),
        lambda: hu.Pipeline([]).run(volume, dtype=dtype),
        lambda: hu.Pipeline([], dtype=dtype).run(volume),
    ):
        with pytest.raises(QuantityError) as caught:
            act()
        found.add(str(caught.value).removeprefix(f"{tmp_path / f'v.{suffix}'}: "))
    assert len(found) == 1
    assert list(tmp_path.iterdir()) == []


def test_values_are_checked_after_rounding() -> None:
    run = hu.Pipeline([]).run
    assert run(scan(255.4, -0.4), dtype="uint8").volume.array.max() == 255
    assert run(scan(65519.0), dtype="float16").volume.array.max() == 65504
    for value, dtype in ((255.6, "uint8"), (65520.0, "float16"), (1.6, "bool")):
        with pytest.raises(QuantityError, match="do not fit"):
            run(scan(value), dtype=dtype)


@pytest.mark.parametrize("dtype", NO_DTYPES, ids=repr)
def test_a_dtype_that_is_none_is_our_error_on_every_path(dtype: object, tmp_path: Path) -> None:
    volume = scan(1.0)
    for act in (
        lambda: hu.write(volume, tmp_path / "v.nii", dtype=dtype),
        lambda: hu.Pipeline([]).run(volume, dtype=dtype),
        lambda: hu.Pipeline([], dtype=dtype),
        lambda: hu.Pipeline.parse({"steps": [], "dtype": dtype}),
    ):
        with pytest.raises(HounsfieldError, match=r"dtype.*; expected"):
            act()


def test_the_byte_order_is_that_of_the_machine() -> None:
    assert hu.Pipeline([], dtype=">i2").run(scan(3.0)).volume.dtype == np.dtype("int16")
    assert hu.Pipeline([], dtype=">i2").dtype.isnative
