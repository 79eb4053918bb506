"""The walk over a header finds what pydicom finds, in every encoding, on made and on real files."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from hounsfield.io.dicom import tags
from hounsfield.io.dicom.files.source import BytesSource
from hounsfield.io.dicom.header.attributes import code_strings, number, numbers, text
from hounsfield.io.dicom.header.fast_header import HeaderError, parse_header
from tests.io.dicom.scanner import slice_of, truth


def raw_by_pydicom(data: Any) -> dict[int, bytes]:
    """The wanted elements' bytes, as pydicom keeps them before it converts."""
    found = {}
    for tag in tags.WANTED:
        home = data.file_meta if tag >> 16 == 2 else data
        if tag in home and isinstance(home.get_item(tag).value, bytes):
            found[tag] = home.get_item(tag).value
    return found


@st.composite
def trees(draw: st.DrawFn, depth: int = 0) -> Dataset:
    """Data sets of texts, long values and nested sequences, of defined and undefined length."""
    data = Dataset()
    data.PatientComments = draw(st.text("abc ", max_size=600))
    if draw(st.booleans()):
        data.add_new(0x00091010, "OB", draw(st.binary(max_size=400)) * 2)
    if draw(st.booleans()):
        data.add_new(0x00091011, "UN", draw(st.binary(max_size=30)) * 2)
    if depth < 4:
        items = draw(st.lists(trees(depth + 1), max_size=2))
        data.add_new(0x00409096, "SQ", items)
        data[0x00409096].is_undefined_length = draw(st.booleans())
        for item in items:
            item.is_undefined_length_sequence_item = draw(st.booleans())
    return data


@settings(max_examples=40)
@given(
    trees(), st.sampled_from([ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian])
)
def test_walk_finds_what_was_written_around_any_sequences(tree: Dataset, syntax: str) -> None:
    pixels = truth(1)[0]
    data = slice_of(
        pixels.byteswap() if syntax == ExplicitVRBigEndian else pixels,
        position=(1, 2, 3),
        uid="1.2.3",
        syntax=syntax,
    )
    data.update(tree)
    file = io.BytesIO()
    data.save_as(file, enforce_file_format=True)
    parsed = parse_header(BytesSource(file.getvalue(), "x"))
    again = pydicom.dcmread(io.BytesIO(file.getvalue()))
    assert parsed.values == {
        **raw_by_pydicom(again),
        tags.TRANSFER_SYNTAX: parsed.values[tags.TRANSFER_SYNTAX],
        tags.META_SOP_CLASS: parsed.values[tags.META_SOP_CLASS],
    }
    assert parsed.syntax == syntax
    stop = parsed.pixel_offset + parsed.pixel_length
    order = ">i2" if syntax == ExplicitVRBigEndian else "<i2"
    assert np.array_equal(
        np.frombuffer(file.getvalue()[parsed.pixel_offset : stop], order), pixels.ravel()
    )


def test_walk_and_pydicom_agree_on_every_real_header(real_data: Path) -> None:
    compared = 0
    for path in sorted(real_data.rglob("*")):
        if not path.is_file() or path.suffix in (".gz", ".nii", ".json", ".nrrd", ".md", ".txt"):
            continue
        data = path.read_bytes()
        try:
            parsed = parse_header(BytesSource(data, path.name))
        except HeaderError:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = pydicom.dcmread(io.BytesIO(data), force=True, stop_before_pixels=True)
        expected = raw_by_pydicom(theirs)
        assert {tag: value for tag, value in parsed.values.items() if tag >> 16 != 2 and value} == {
            tag: value for tag, value in expected.items() if tag >> 16 != 2 and value
        }, path.name
        compared += 1
    assert compared > 400


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"1.5", (1.5,)),
        (b" 001.000000E+00 ", (1.0,)),
        (b"1\\2\\-3 ", (1.0, 2.0, -3.0)),
        (b"1\0", (1.0,)),
        (b"", ()),
        (b"1,5", ()),
        (b"1_0", ()),
        (b"inf", ()),
        (b"nan\\1", ()),
        (b"\xff", ()),
        (b"1\\", ()),
        (b"0x10", ()),
    ],
)
def test_decimal_strings_are_read_or_left(raw: bytes, expected: tuple[float, ...]) -> None:
    assert numbers(raw) == expected


@given(st.binary(max_size=80))
def test_no_bytes_upset_the_reading_of_values(raw: bytes) -> None:
    assert text(raw).isascii()
    assert isinstance(code_strings(raw), tuple)
    assert number(raw) is None or np.isfinite(number(raw))


@given(st.binary(max_size=400), st.sampled_from([b"", b"\0" * 128 + b"DICM", b"\x08\0\x05\0CS"]))
def test_any_bytes_are_parsed_or_left(data: bytes, head: bytes) -> None:
    try:
        parsed = parse_header(BytesSource(head + data, "x"))
    except HeaderError:
        return
    assert isinstance(parsed.values, dict)
