"""Whatever a header, a sidecar or an option says, reading gives a volume or our own error."""

from __future__ import annotations

import json
import struct
import warnings
import zlib
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hounsfield as hu
from hounsfield.core.dtype import DTYPES, voxel_dtype
from hounsfield.core.errors import HounsfieldError, HounsfieldWarning, QuantityError
from hounsfield.io.nifti.layout import layout
from tests.cli.conftest import Line, ball_scan, line, own_key
from tests.io.dicom.scanner import truth, write
from tests.io.made import AFFINE, head_like, meta_header, nifti, nrrd_header

__all__ = ["line", "own_key"]

VOLUME = hu.Volume.from_array(head_like((9, 8, 3)), affine=AFFINE)

NUMBERS = st.one_of(
    st.integers(-(1 << 70), 1 << 70), st.floats(), st.sampled_from([0, 1, -1, 1e308, 2**31])
)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, st.text(max_size=8), st.sampled_from(["016"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)
TEXTS = st.one_of(
    st.text(st.characters(codec="latin-1"), max_size=12),
    NUMBERS.map(str),
    st.lists(NUMBERS, max_size=4).map(lambda found: " ".join(map(str, found))),
    st.lists(NUMBERS, max_size=3).map(lambda found: f"({','.join(map(str, found))})"),
)
QUICK = settings(max_examples=120)


def attempt(path: Path) -> HounsfieldError | None:
    """Our error of reading and of inspecting a path, or None; any other error fails the test."""
    found = None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", HounsfieldWarning)
        for function in (hu.read, hu.inspect):
            try:
                function(path)
            except HounsfieldError as error:
                found = error
    assert found is None or "\n" not in str(found)
    return found


@QUICK
@given(key=st.text(max_size=5), value=JSON)
def test_a_sidecar_may_say_anything(key: str, value: Any) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "x.npy"
        hu.write(VOLUME, path)
        sidecar = path.with_suffix(".json")
        fields = json.loads(sidecar.read_text())
        for name in (key, *fields):
            sidecar.write_text(json.dumps({**fields, name: value}))
            attempt(path)


@pytest.mark.parametrize(
    "text", ["016", "i4,(", "2i4", "int17", "O", "U3", "M8[s]", "[('a','<i2')]", "", "float128", 7]
)
def test_text_that_is_no_dtype_is_our_error_everywhere(
    text: Any, tmp_path: Path, line: Line
) -> None:
    with pytest.raises(QuantityError, match="is not a dtype of voxels"):
        voxel_dtype(text)
    hu.write(VOLUME, tmp_path / "x.npy")
    fields = json.loads((tmp_path / "x.json").read_text())
    (tmp_path / "x.json").write_text(json.dumps({**fields, "dtype": text}))
    with pytest.raises(hu.ReadError):
        hu.read(tmp_path / "x.npy")
    with pytest.raises(QuantityError):
        hu.write(VOLUME, tmp_path / "y.nii", dtype=text)
    hu.write(ball_scan(), tmp_path / "ball.nii")
    answer = line("convert", tmp_path / "ball.nii", tmp_path / "y.nii", "--dtype", str(text))
    assert answer.status == 2
    assert "Traceback" not in answer.err


@given(name=st.sampled_from(DTYPES))
def test_every_dtype_of_voxels_is_known_by_name_code_type_and_dtype(name: str) -> None:
    dtype = np.dtype(name)
    for value in (name, dtype.str[1:], dtype.type, dtype, dtype.newbyteorder(">")):
        assert voxel_dtype(value) == dtype


FIELDS = [name for name in layout(1, "<").names or () if name not in ("magic", "sizeof_hdr")]


@QUICK
@given(
    name=st.sampled_from(FIELDS),
    value=st.one_of(
        st.floats(width=32), st.integers(-(1 << 15), (1 << 15) - 1), st.sampled_from([np.inf])
    ),
    version=st.sampled_from([1, 2]),
)
def test_a_nifti_header_may_say_anything(name: str, value: float, version: int) -> None:
    with TemporaryDirectory() as folder:
        path = nifti(Path(folder) / "x.nii", head_like((9, 8, 3)), version=version)
        header = layout(version, "<")
        data = bytearray(path.read_bytes())
        record = np.frombuffer(data[: header.itemsize], dtype=header).copy()
        if name not in (header.names or ()) or record.dtype[name].base.kind == "S":
            return
        with np.errstate(all="ignore"):
            kind = record.dtype[name].base
            whole = int(value) if np.isfinite(value) else 0
            fitting = value if kind.kind == "f" else whole % (np.iinfo(kind).max + 1)
            record[name] = fitting
        data[: header.itemsize] = record.tobytes()
        path.write_bytes(bytes(data))
        attempt(path)


@pytest.mark.parametrize("slope", [np.inf, -np.inf])
def test_an_infinite_slope_is_refused(tmp_path: Path, slope: float) -> None:
    path = nifti(tmp_path / "x.nii", head_like(), scl_slope=slope)
    with pytest.raises(hu.ReadError, match="scl_slope"):
        hu.read(path)


@QUICK
@given(
    name=st.sampled_from(
        [
            "sizes",
            "space directions",
            "space origin",
            "kinds",
            "type",
            "endian",
            "encoding",
            "dimension",
            "space",
            "line skip",
            "byte skip",
            "old min",
            "data file",
        ]
    ),
    value=TEXTS,
)
def test_a_nrrd_header_may_say_anything(name: str, value: str) -> None:
    array = head_like((9, 8, 3))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "x.nrrd"
        text = nrrd_header(array, **{name.replace(" ", "_"): value.replace("\n", " ")})
        path.write_bytes(text.encode("latin-1") + b"\n" + array.tobytes(order="F"))
        attempt(path)


@QUICK
@given(
    name=st.sampled_from(
        [
            "NDims",
            "DimSize",
            "ElementSpacing",
            "Offset",
            "TransformMatrix",
            "ElementType",
            "HeaderSize",
            "BinaryData",
            "CompressedData",
            "ElementNumberOfChannels",
        ]
    ),
    value=TEXTS,
)
def test_a_metaimage_header_may_say_anything(name: str, value: str) -> None:
    array = head_like((9, 8, 3))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "x.mha"
        text = meta_header(array, **{name: value.replace("\n", " ")})
        path.write_bytes(text.encode("latin-1") + array.tobytes(order="F"))
        attempt(path)


@QUICK
@given(descr=TEXTS | st.sampled_from(["016", "<i2", "O", "V4"]), shape=TEXTS, order=TEXTS)
def test_an_npy_header_may_say_anything(descr: str, shape: str, order: str) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "x.npy"
        hu.write(VOLUME, path)
        text = f"{{'descr': {descr!r}, 'fortran_order': {order}, 'shape': ({shape}), }}"
        data = text.encode("utf-8")
        data += b" " * (-(len(data) + 11) % 64) + b"\n"
        start = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(data))
        path.write_bytes(start + data + VOLUME.array.tobytes(order="F"))
        attempt(path)


def chunk(name: bytes, data: bytes) -> bytes:
    """One chunk of a PNG with its checksum."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


@settings(max_examples=60)
@given(
    dropped=st.sampled_from([b"IDAT", b"IHDR", b"tEXt", b"IEND"]),
    value=st.binary(max_size=20) | st.none(),
)
def test_a_png_may_lack_or_change_any_chunk(dropped: bytes, value: bytes | None) -> None:
    with TemporaryDirectory() as folder:
        hu.write(VOLUME, Path(folder) / "x", format="png")
        path = Path(folder) / "x" / "slice-0001.png"
        data, parts, position = path.read_bytes(), [], 8
        while position < len(data):
            (size,) = struct.unpack(">I", data[position : position + 4])
            parts.append(data[position : position + 12 + size])
            position += 12 + size
        changed = b"" if value is None else chunk(dropped, value)
        made = [changed if part[4:8] == dropped else part for part in parts]
        path.write_bytes(data[:8] + b"".join(made))
        assert (attempt(Path(folder) / "x") is None) == (path.read_bytes() == data)


def test_a_png_without_data_is_an_error_of_restore_too(tmp_path: Path) -> None:
    from hounsfield.dataset.prediction import read_prediction

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 4, 4, 8, 0, 0, 0, 0))
    data = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IEND", b"")
    (tmp_path / "slice-0.png").write_bytes(data)
    with pytest.raises(hu.ReadError, match="corrupt"):
        read_prediction(tmp_path)


@pytest.mark.parametrize("series", ["9" * 5000, "-1", "", "\u0661", "1.0", 10**5000], ids=range(6))
def test_any_series_is_our_error_or_a_number(series: Any, tmp_path: Path) -> None:
    nifti(tmp_path / "x.nii", head_like())
    nifti(tmp_path / "four.nii", head_like((6, 5, 4, 1)).repeat(2, axis=3))
    write(tmp_path / "scan", truth(4))
    for name in ("x.nii", "four.nii", "scan"):
        for function in (hu.open, hu.inspect) if name != "scan" else (hu.open,):
            try:
                function(tmp_path / name, series=series)
            except HounsfieldError as error:
                found = str(error)
            else:
                found = ""
            assert len(found) < 1000
