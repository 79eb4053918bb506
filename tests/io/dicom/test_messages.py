"""One finding is one message, however many files or gaps it concerns."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hounsfield as hu
from hounsfield.core.diagnostic import Diagnostic
from hounsfield.phantom import Faults, Head, grid_about, head, write_series
from tests.io.dicom.scanner import truth, write

COUNT = 10


@pytest.fixture(scope="module")
def small() -> Head:
    """A head of few voxels."""
    return head(grid_about((0, -4, 10), shape=(8, 8, COUNT), spacing_mm=(4, 4, 8.0)))


def repeated(found: tuple[Diagnostic, ...]) -> list[tuple[str, str]]:
    """Code and severity of what occurs more than once."""
    counts = Counter((each.code, each.severity) for each in found)
    return [kind for kind, count in counts.items() if count > 1]


def test_many_gaps_are_one_line(tmp_path: Path) -> None:
    write(tmp_path, truth(40), skip=[3, 4, 9, 15, 16, 17, 30])
    with pytest.raises(hu.RefusedError) as caught:
        hu.open(tmp_path)
    (found,) = caught.value.diagnostics
    assert found.message == (
        "7 of 40 slices missing in 4 gaps, longest 8 mm (between slices 12 and 13); "
        "use gaps='fill' to interpolate them"
    )
    assert found.value == 8
    assert len(found.files) == 8
    (filled,) = (each for each in hu.open(tmp_path, gaps="fill").diagnostics if each.code == "GAP")
    assert filled.severity == "repair"
    assert filled.message.startswith("7 of 40 slices missing in 4 gaps, longest 8 mm")


def test_one_gap_names_its_slices(tmp_path: Path) -> None:
    write(tmp_path, truth(8), skip=[3])
    with pytest.raises(hu.RefusedError) as caught:
        hu.open(tmp_path)
    assert "1 of 8 slices missing (gap of 4 mm between slices 3 and 4)" in str(caught.value)


def test_copies_of_both_kinds_are_one_line(tmp_path: Path) -> None:
    files = write(tmp_path, truth(8))
    shutil.copy(files[2], tmp_path / "copy")
    data = pydicom.dcmread(files[4])
    data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
    data.save_as(tmp_path / "again")
    found = hu.open(tmp_path).diagnostics
    (copies,) = (each for each in found if each.code == "DUPLICATE")
    assert copies.message.startswith("2 duplicate slices")
    assert copies.value == len(copies.files) == 2


FAULTS = st.builds(
    Faults,
    missing=st.sets(st.integers(1, COUNT - 2), max_size=4).map(lambda found: tuple(sorted(found))),
    duplicated=st.sets(st.integers(0, COUNT - 1), max_size=3).map(tuple),
    duplicates_differ=st.booleans(),
    tilt_deg=st.sampled_from([0.0, 12.0]),
    padding=st.sampled_from(["tag-2000", "untagged-2048", "unsigned-63536", "none"]),
    extras=st.sampled_from([(), ("localizer", "screen")]),
    phases=st.sampled_from([1, 2]),
    truncated=st.sampled_from([(), (1, 2, 3)]),
    no_position=st.sampled_from([(), (4, 5)]),
    other_spacing=st.sampled_from([None, 6]),
    no_modality=st.booleans(),
    rescale=st.sampled_from(["hu", "absent"]),
)


@settings(max_examples=40)
@given(fault=FAULTS)
def test_no_code_is_given_twice_for_one_series(small: Head, fault: Faults) -> None:
    with TemporaryDirectory() as folder:
        write_series(small, Path(folder), faults=fault)
        for report in hu.inspect(folder):
            assert repeated(report.reasons) == []
        for policy in (hu.ReadPolicy(), hu.ReadPolicy(gaps="fill", assume="hu")):
            try:
                found = hu.open(folder, series=0, policy=policy).finished()
            except (hu.RefusedError, hu.ReadError) as error:
                found = error.diagnostics
            assert repeated(found) == []


def test_a_broken_file_is_reported_for_the_series_of_its_folder(tmp_path: Path) -> None:
    for n, name in enumerate("ab"):
        write(tmp_path / name, truth(6, seed=n))
    broken = bytes(128) + b"DICM" + bytes(7)
    (tmp_path / "a" / "broken.dcm").write_bytes(broken)
    found = {each.folder: each for each in hu.inspect(tmp_path)}
    assert {name: each.verdict for name, each in found.items()} == {"a": "doubtful", "b": "ok"}
    for report in found.values():
        stack = hu.open(tmp_path, series=report.id)
        assert {each.code for each in stack.diagnostics} == {each.code for each in report.reasons}
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "broken.dcm").write_bytes(broken)
    assert {each.verdict for each in hu.inspect(tmp_path)} == {"doubtful"}
