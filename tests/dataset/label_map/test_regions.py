"""The regions of label files are named from headers, whole or in part, and by their data sets."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import hounsfield as hu
from hounsfield.core.errors import HounsfieldError
from hounsfield.dataset.case import CaseSource, LabelSource
from hounsfield.dataset.discover import discover
from hounsfield.dataset.label_map.parse import parse_label_map
from hounsfield.dataset.label_map.regions import label_sources, regions_of
from hounsfield.dataset.run import run_dataset
from hounsfield.dataset.run_config import RunConfig
from hounsfield.io.dicom.header import dataset
from hounsfield.io.dicom.labels.objects import label_objects
from hounsfield.io.dicom.labels.summary import region_names
from tests.io.dicom.labels.structures import Line, write_structures

MAP = parse_label_map({"liver": "liver", "tumour": "tumou?r"})


@pytest.mark.parametrize("first_bytes", [1 << 18, 700, 300, 1])
def test_names_do_not_depend_on_how_much_of_the_file_is_read_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first_bytes: int
) -> None:
    monkeypatch.setattr(dataset, "FIRST_BYTES", first_bytes)
    square = np.array([(0, 0, 0), (9, 0, 0), (9, 9, 0)], float)
    texts = ["liver", "DOE^JANE", "Left kidney"]
    path = write_structures(tmp_path / "rs.dcm", [(text, [Line(square)]) for text in texts])
    (item,) = label_objects(path)
    assert region_names(item) == [
        ("liver", "liver"),
        ("roi-2", "DOE^JANE"),
        ("Left_kidney", "Left kidney"),
    ]


def test_real_segments_are_called_as_in_their_header(real_data: Path) -> None:
    path = real_data / "ct_dicomseg_nrrdseg_dcmqi" / "partial_overlaps.dcm"
    (item,) = label_objects(path)
    names = ["GREEN", "ORANGE", "PURPLE", "LIGHT_BLUE", "DARK_BLUE"]
    assert region_names(item) == [(name, name) for name in names]


def test_a_file_that_is_named_twice_is_read_once(tmp_path: Path) -> None:
    file = tmp_path / "a.nii.gz"
    names = ((1, "liver"),)
    case = CaseSource(
        id="a",
        path=file,
        labels=(LabelSource(name="found", path=tmp_path / "." / "a.nii.gz", names=names),),
    )
    (source,) = label_sources([("given", str(tmp_path / "{id}.nii.gz"))], case)
    assert (source.name, source.names) == ("given", names)


def test_names_of_values_are_regions_and_the_background_is_none(tmp_path: Path) -> None:
    values = np.zeros((6, 5, 4), np.uint8)
    values[1:3], values[4] = 1, 2
    ct = hu.Volume.from_array((values * 20).astype(np.int16), affine=np.eye(4))
    hu.write(ct, tmp_path / "ct.nii.gz")
    label = hu.Volume.from_array(values, affine=np.eye(4), quantity="label")
    hu.write(label, tmp_path / "seg.nii.gz")
    names = ((0, "tumour"), (1, "Liver"), (2, "tumor"), (3, "liver"))
    source = LabelSource(name="seg", path=tmp_path / "seg.nii.gz", names=names)
    assert [each.text for each in regions_of([source], MAP).regions] == ["Liver", "tumor", "liver"]
    (case,) = discover([str(tmp_path / "ct.nii.gz")]).cases
    config = RunConfig(pipeline=hu.Pipeline([]), out=tmp_path / "out", label_map=MAP)

    def ran(names: tuple[tuple[int, str], ...]) -> str:
        labels = (replace(source, names=names),)
        (result,) = run_dataset(config, [replace(case, labels=labels)]).cases
        return result.status

    assert ran(names) == "done"
    for name, value in (("liver", 1), ("tumour", 2)):
        made = hu.read(tmp_path / f"out/cases/ct/label-{name}.nii.gz", quantity="label")
        assert np.array_equal(made.array, values == value)
    assert ran(names) == "skipped"
    assert ran(((1, "tumour"), (2, "liver"))) == "done"  # the names are part of the key


def test_a_label_file_that_cannot_be_read_is_our_error(tmp_path: Path) -> None:
    (tmp_path / "rs.dcm").write_bytes(bytes(128) + b"DICM" + bytes(40))
    with pytest.raises(HounsfieldError):
        regions_of([LabelSource(name="x", path=tmp_path / "rs.dcm")], MAP)


def test_of_an_archive_the_member_alone_is_a_label(tmp_path: Path) -> None:
    square = np.array([(0, 0, 0), (9, 0, 0), (9, 9, 0)], float)
    with zipfile.ZipFile(tmp_path / "labels.zip", "w") as archive:
        for name, text in (("a.dcm", "liver"), ("b.dcm", "tumour")):
            archive.write(write_structures(tmp_path / name, [(text, [Line(square)])]), name)
    source = LabelSource(name="x", path=tmp_path / "labels.zip", member="b.dcm")
    assert [each.text for each in regions_of([source], MAP).regions] == ["tumour"]
    both = replace(source, member="")
    assert [each.text for each in regions_of([both], MAP).regions] == ["liver", "tumour"]
    case = CaseSource(id="a", path=tmp_path, labels=(source, replace(source, member="a.dcm")))
    assert [each.member for each in label_sources([], case)] == ["b.dcm", "a.dcm"]
