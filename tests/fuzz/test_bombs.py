"""Small files that would keep a reader busy for minutes, or fill its memory."""

from __future__ import annotations

import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

import hounsfield as hu
from hounsfield.io.dicom.report import scan_dicom
from hounsfield.pipeline.record import LARGEST_BYTES as LARGEST_RECORD
from hounsfield.pipeline.record import Record
from hounsfield.pipeline.serialize import LARGEST_BYTES, load
from tests.fuzz.elements import PIXELS, Element, File
from tests.fuzz.law import SECONDS_AT_MOST
from tests.io.dicom.scanner import truth, write


@pytest.fixture(autouse=True)
def own_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test makes or uses the key of the user who runs it."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def test_a_zip_member_is_inflated_once_however_many_elements_lead_through_it(
    tmp_path: Path,
) -> None:
    path = write(tmp_path, truth(1))[0]
    file = File.of(path.read_bytes())
    file.data[5:5] = [Element((0x11, 0x1000 + n), b"UN", bytes(60_000)) for n in range(1000)]
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x", file.content())
    start = time.perf_counter()
    assert scan_dicom(tmp_path / "x.zip")[0].slices == 1
    assert np.array_equal(hu.read(tmp_path / "x.zip").array, hu.read(path).array)
    assert time.perf_counter() - start < SECONDS_AT_MOST


@pytest.mark.parametrize("count", [90_000, 400_000])
def test_a_frame_in_a_hundred_thousand_fragments_costs_no_minutes(
    tmp_path: Path, count: int
) -> None:
    from tests.fuzz.targets import TARGETS

    target = TARGETS["dicom rle"](tmp_path)
    file = File.of(target.path.read_bytes())
    pixels = file.find(PIXELS)
    assert pixels is not None
    assert pixels.fragments is not None
    pixels.fragments[1:1] = [b""] * count
    target.path.write_bytes(file.content())
    start = time.perf_counter()
    if count < 100_000:
        hu.read(target.path)
    else:
        with pytest.raises(hu.HounsfieldError):
            hu.read(target.path)
    assert time.perf_counter() - start < SECONDS_AT_MOST


@pytest.mark.parametrize(("name", "size"), [("x.toml", LARGEST_BYTES), ("x.json", LARGEST_RECORD)])
def test_a_pipeline_or_record_beyond_all_bounds_is_not_read(
    tmp_path: Path, name: str, size: int
) -> None:
    with (tmp_path / name).open("wb") as file:
        file.truncate(size + 1)
    with pytest.raises(hu.ReadError, match="bytes"):
        load(tmp_path / name)
    with pytest.raises(hu.ReadError):
        Record.load(tmp_path / name)


def test_words_that_nest_without_end_are_our_error(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text("a = " + "[" * 100_000)
    (tmp_path / "x.json").write_text("[" * 1_000_000)
    for name in ("x.toml", "x.json"):
        with pytest.raises(hu.HounsfieldError):
            load(tmp_path / name)
    with pytest.raises(hu.HounsfieldError):
        Record.load(tmp_path / "x.json")
