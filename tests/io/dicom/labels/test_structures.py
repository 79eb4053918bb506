"""Segments are coded by what they are named after, with the codes of the standard."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import highdicom
import pydicom
import pytest
from pydicom.sr._concepts_dict import concepts

import hounsfield as hu
from hounsfield.io.dicom.labels.names import label_names
from hounsfield.io.dicom.labels.structures import ABNORMAL, ANATOMY, SIDES, STRUCTURES, structure_of
from tests.io.dicom.labels.conftest import Scan
from tests.io.dicom.labels.test_write_seg import some_label

Get = Callable[[str], Scan]


def test_every_code_is_one_of_the_standard() -> None:
    """pydicom's tables are made from PS3.16 itself."""
    known: dict[str, set[str]] = {}
    for values in concepts["SCT"].values():
        for value, (meaning, _) in values.items():
            known.setdefault(value, set()).add(meaning.lower())
    for structure in STRUCTURES.values():
        value, meaning = structure.kind
        assert meaning.lower() in known[value]
    for value, meaning in SIDES.values():
        assert meaning.lower() in known[value]


@pytest.mark.parametrize("name", ["Left kidney", "kidney_left", "LEFT-KIDNEY", " kidney  left "])
def test_sides_and_spelling_do_not_matter(name: str) -> None:
    found = structure_of(name)
    assert found is not None
    assert (found.category, found.kind[1], found.side) == (ANATOMY, "Kidney", SIDES["left"])


@pytest.mark.parametrize("name", ["", "left", "kidney left right", "Jane Doe", "liver 2", "livers"])
def test_other_names_have_no_code(name: str) -> None:
    assert structure_of(name) is None


def test_only_names_of_structures_keep_their_spaces() -> None:
    names = [(1, "Left kidney"), (2, "Jane Doe"), (3, "left kidney"), (4, "Liver")]
    assert label_names(names, kind="roi") == {1: "Left_kidney", 2: "roi-2", 3: "roi-3", 4: "Liver"}


def test_segments_are_coded_and_named_with_spaces(scan: Get, tmp_path: Path) -> None:
    this = scan("plain")
    path = tmp_path / "s.dcm"
    names = {2: "kidney_left", 9: "Tumor"}
    hu.write_seg(some_label(this.stack.grid), path, source=this.stack, names=names)
    first, second = highdicom.seg.segread(path).SegmentSequence
    assert (first.SegmentLabel, second.SegmentLabel) == ("kidney left", "Tumor")
    (kind,) = first.SegmentedPropertyTypeCodeSequence
    (side,) = kind.SegmentedPropertyTypeModifierCodeSequence
    assert (kind.CodeValue, kind.CodeMeaning, side.CodeMeaning) == ("64033007", "Kidney", "Left")
    (category,) = second.SegmentedPropertyCategoryCodeSequence
    assert category.CodeValue == ABNORMAL[0]
    assert list(hu.read_labels(path, image=this.stack)) == ["kidney_left", "Tumor"]


def test_an_unknown_structure_is_an_anatomical_structure(scan: Get, tmp_path: Path) -> None:
    this = scan("plain")
    path = tmp_path / "s.dcm"
    names = {2: "my own thing", 9: "gtv_mass"}
    hu.write_seg(some_label(this.stack.grid), path, source=this.stack, names=names)
    segments = highdicom.seg.segread(path).SegmentSequence
    assert [one.SegmentLabel for one in segments] == ["my own thing", "gtv_mass"]
    assert {one.SegmentedPropertyTypeCodeSequence[0].CodeValue for one in segments} == {ANATOMY[0]}


def test_dates_are_the_sources_only_with_its_identity(scan: Get, tmp_path: Path) -> None:
    this = scan("plain")
    label = some_label(this.stack.grid)
    hu.write_seg(label, tmp_path / "removed.dcm", source=this.stack)
    with pytest.warns(hu.HounsfieldWarning, match="patient and study"):
        hu.write_seg(label, tmp_path / "kept.dcm", source=this.stack, identity="keep")
    removed, kept = (pydicom.dcmread(tmp_path / f"{name}.dcm") for name in ("removed", "kept"))
    source = pydicom.dcmread(this.series.files[0], stop_before_pixels=True)
    assert removed.ContentDate == "19000101"
    assert kept.ContentDate == (source.get("ContentDate") or source.StudyDate)
    for data in (removed, kept):
        assert not {"SeriesDate", "InstanceCreationDate", "InstanceCreationTime"} & set(data.dir())
        assert b"ContributionDateTime" not in str(data).encode()
