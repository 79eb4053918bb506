"""Padding is named by reading, by convert and by run, in words, JSON and the record."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import hounsfield as hu
from tests.cli.conftest import Line
from tests.io.dicom.scanner import write
from tests.io.dicom.test_padding import tagged, with_corners
from tests.reported import reported

UNDECLARED = {-2000: ("repair", "undeclared"), 20000: ("warning", "above 10,000 HU")}


def scan(folder: Path, value: int) -> Path:
    """A small series with `value` HU in the corners of every slice, undeclared."""

    def change(data: object, k: int) -> None:
        data.RescaleIntercept = 0  # type: ignore[attr-defined]

    write(folder, with_corners(value), change=change)
    return folder


@pytest.mark.parametrize("value", UNDECLARED)
def test_read_warns_of_undeclared_padding(tmp_path: Path, value: int) -> None:
    path = scan(tmp_path / "scan", value)
    with reported("PADDING"):
        found = hu.read(path).array
    assert found.max() == max(value, int(found.max()))
    assert found.min() >= -1024


@pytest.mark.parametrize("value", UNDECLARED)
def test_convert_and_run_name_undeclared_padding(tmp_path: Path, line: Line, value: int) -> None:
    path, (severity, words) = scan(tmp_path / "scan", value), UNDECLARED[value]
    said = line("convert", path, tmp_path / "a.nii.gz", "-v")
    assert said.status == 0
    assert words in said.err
    found = json.loads(line("convert", path, tmp_path / "b.nii.gz", "--json").out)["diagnostics"]
    assert [(each["code"], each["severity"]) for each in found] == [("PADDING", severity)]
    pipeline = tmp_path / "p.toml"
    pipeline.write_text(hu.Pipeline([hu.Reorient("RAS")]).to_toml())
    assert line("run", pipeline, path, "-o", tmp_path / "out").status == 0
    (record,) = (tmp_path / "out").rglob("record.json")
    notes = json.loads(record.read_text())["diagnostics"]
    assert ("PADDING", severity) in [(each["code"], each["severity"]) for each in notes]


def test_declared_high_padding_is_a_note_and_becomes_air(tmp_path: Path) -> None:
    pixels = with_corners(20000)
    write(tmp_path, pixels, change=tagged(20000))
    with reported():
        found = hu.read(tmp_path).array.transpose(2, 1, 0)
    assert np.array_equal(found, np.where(pixels == 20000, -1024, pixels))
    notes = hu.open(tmp_path).diagnostics
    assert [(each.code, each.severity) for each in notes] == [("PADDING", "note")]
