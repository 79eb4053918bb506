"""RTSTRUCT and SEG objects are the labels of the series that they refer to by UID, and no other."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pydicom
import pytest

import hounsfield as hu
from hounsfield.cli.main import run_line
from hounsfield.dataset.discover import Discovery, discover
from hounsfield.phantom import Faults, write_series
from tests.dataset.conftest import run_over
from tests.dataset.label_objects import headers, write_rtstruct
from tests.dataset.series import small_head

PLAIN = hu.Pipeline([hu.Reorient(to="RAS")])


@pytest.fixture(scope="module")
def two_series(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("two")
    for seed, name in enumerate("ab"):
        write_series(small_head(), folder / name, seed=seed)
    return folder


@pytest.fixture
def study(two_series: Path, tmp_path: Path) -> Path:
    """Two series in the folders a and b."""
    return Path(shutil.copytree(two_series, tmp_path / "study"))


def labelled(found: Discovery) -> dict[str, list[str]]:
    """The names of label files by the folder of their image."""
    return {case.path.name: [each.path.name for each in case.labels] for case in found.cases}


def unused(found: Discovery) -> dict[str, int]:
    return {each.code: int(each.value or 0) for each in found.unused}


def test_each_series_has_the_object_that_refers_to_it(study: Path, tmp_path: Path) -> None:
    write_rtstruct(study / "other" / "rs1.dcm", headers(study / "b"))
    found = discover([str(study)])
    assert labelled(found) == {"a": [], "b": ["rs1.dcm"]}
    assert not found.unused
    assert not found.missed
    summary = run_over(study, tmp_path / "out", pipeline=PLAIN)
    assert summary.is_complete
    written = {path.parent.name for path in (tmp_path / "out").rglob("label-GTV.nii.gz")}
    assert written == {case.id for case in found.cases if case.path.name == "b"}
    again = run_over(study, tmp_path / "out", pipeline=PLAIN)
    assert again.count("skipped") == 2


def test_sop_instances_match_where_the_series_uid_is_missing(study: Path) -> None:
    write_rtstruct(study / "rs.dcm", headers(study / "a"), series="")
    found = discover([str(study)])
    assert labelled(found) == {"a": ["rs.dcm"], "b": []}
    (report,) = (each for each in hu.inspect(study) if each.kind == "rtstruct")
    assert report.refers_to in {case.id for case in found.cases if case.path.name == "a"}


def test_the_object_may_be_another_source(study: Path, tmp_path: Path) -> None:
    write_rtstruct(tmp_path / "rs" / "rs.dcm", headers(study / "a"))
    found = discover([str(study), str(tmp_path / "rs")])
    assert labelled(found) == {"a": ["rs.dcm"], "b": []}
    assert not found.missed  # a source of labels alone is no source without a case
    (one,) = discover([str(study / "b"), str(tmp_path / "rs")]).missed
    assert one.code == "NO_CT"


def test_an_object_that_refers_to_nothing_here_is_listed(study: Path) -> None:
    slices = headers(study / "a")
    shutil.rmtree(study / "a")
    write_rtstruct(study / "b" / "rs.dcm", slices)  # its folder is no reason
    found = discover([str(study)])
    assert labelled(found) == {"b": []}
    assert unused(found) == {"UNMATCHED_LABEL": 1}
    assert found.unused[0].severity == "warning"


def test_an_object_that_refers_to_several_is_never_guessed(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    both = [*headers(study / "a"), *headers(study / "b")]
    write_rtstruct(study / "rs.dcm", both, series="")
    found = discover([str(study)])
    assert labelled(found) == {"a": [], "b": []}
    (missed,) = found.missed
    assert missed.code == "AMBIGUOUS_LABEL"
    assert "refer to 2 series" in missed.message
    words = ["run", "isotropic-mip", str(study), "-o", str(tmp_path / "out"), "--json"]
    assert run_line(words) == 1
    printed = capsys.readouterr()
    assert json.loads(printed.out.splitlines()[-1])["missed"][0]["code"] == "AMBIGUOUS_LABEL"
    assert "rs.dcm: labels refer to 2 series" in printed.err


@pytest.fixture(scope="module")
def two_phases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("phases")
    write_series(small_head(), folder / "s", faults=Faults(phases=2))
    return folder


def test_phases_of_one_series_are_told_apart_by_instances(two_phases: Path, tmp_path: Path) -> None:
    shutil.copytree(two_phases, tmp_path, dirs_exist_ok=True)
    slices = headers(tmp_path / "s")
    number = {int(one.AcquisitionNumber) for one in slices if "AcquisitionNumber" in one}
    times = sorted({str(one.get("AcquisitionTime")) for one in slices})
    assert len(number) > 1 or len(times) > 1
    first = [one for one in slices if _phase(one) == min(map(_phase, slices))]
    write_rtstruct(tmp_path / "rs.dcm", first)
    write_rtstruct(tmp_path / "series-alone.dcm", first, instances=False)
    found = discover([str(tmp_path)])
    assert len(found.cases) == 2
    assert sorted(len(case.labels) for case in found.cases) == [0, 1]
    assert [one.code for one in found.missed] == ["AMBIGUOUS_LABEL"]


def test_an_object_of_a_phase_that_was_not_chosen_is_no_label_of_the_other(
    two_phases: Path, tmp_path: Path
) -> None:
    shutil.copytree(two_phases, tmp_path, dirs_exist_ok=True)
    slices = headers(tmp_path / "s")
    phases = sorted({_phase(one) for one in slices})
    write_rtstruct(tmp_path / "rs.dcm", [one for one in slices if _phase(one) == phases[0]])
    both = discover([str(tmp_path)])
    (other,) = (case for case in both.cases if not case.labels)
    (chosen,) = discover([str(tmp_path)], series=other.series).cases
    assert (chosen.id, chosen.labels) == (other.id, ())
    found = discover([str(tmp_path)], series=other.series)
    assert unused(found) == {"LABEL_NOT_USED": 1}


def test_two_labels_of_one_name_fail_the_case(study: Path, tmp_path: Path) -> None:
    write_rtstruct(study / "rs.dcm", headers(study / "a"), name="liver")
    image = hu.read(study / "a")
    mask = hu.Volume.from_array(
        (image.array > 0).astype(np.uint8), affine=image.affine, quantity="label"
    )
    hu.write(mask, study / "liver.nii.gz")
    (study / "t.csv").write_text("image,label,label_liver,id\na,rs.dcm,liver.nii.gz,one\n")
    summary = run_over(study / "t.csv", tmp_path / "out", pipeline=PLAIN)
    (case,) = summary.cases
    assert (case.status, case.code) == ("failed", "DUPLICATE_LABEL")


def _phase(one: pydicom.Dataset) -> tuple[str, str, str]:
    names = ("TemporalPositionIdentifier", "AcquisitionNumber", "AcquisitionTime")
    return tuple(str(one.get(name)) for name in names)  # type: ignore[return-value]


def test_several_objects_of_one_series_are_all_labels_with_names_of_their_own(
    study: Path, tmp_path: Path
) -> None:
    for name in ("rs2", "rs1"):
        write_rtstruct(study / f"{name}.dcm", headers(study / "a"))
    shutil.copy(study / "rs1.dcm", study / "copy-of-rs1.dcm")
    found = discover([str(study)])
    (case,) = (case for case in found.cases if case.path.name == "a")
    assert [each.name for each in case.labels] == ["rtstruct-1", "rtstruct-2"]
    run_over(study, tmp_path / "out", pipeline=PLAIN)
    written = sorted(path.name for path in (tmp_path / "out").rglob("label-*"))
    assert written == ["label-rtstruct-1-GTV.nii.gz", "label-rtstruct-2-GTV.nii.gz"]


def test_names_of_objects_do_not_depend_on_where_they_are(study: Path, tmp_path: Path) -> None:
    uids = [write_rtstruct(study / f"{n}.dcm", headers(study / "a"), name=f"R{n}") for n in "xyz"]
    moved = Path(shutil.copytree(study, tmp_path / "moved"))
    (moved / "x.dcm").rename(moved / "zz.dcm")
    assert len(set(uids)) == 3

    def regions(folder: Path) -> dict[str, str]:
        (case,) = (each for each in discover([str(folder)]).cases if each.path.name == "a")
        return {
            each.name: pydicom.dcmread(each.path).StructureSetROISequence[0].ROIName
            for each in case.labels
        }

    assert regions(study) == regions(moved)


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_objects_in_archives_are_labels_too(study: Path, tmp_path: Path, kind: str) -> None:
    write_rtstruct(study / "rs-a.dcm", headers(study / "a"), name="A")
    write_rtstruct(study / "rs-b.dcm", headers(study / "b"), name="B")
    shutil.make_archive(str(tmp_path / "packed"), kind, study)
    summary = run_over(tmp_path / f"packed.{kind}", tmp_path / "out", pipeline=PLAIN)
    assert summary.is_complete
    plain = run_over(study, tmp_path / "plain", pipeline=PLAIN)
    names = {case.id for case in plain.cases}
    assert names == {case.id for case in summary.cases}
    for path in (tmp_path / "plain").rglob("label-*"):
        other = tmp_path / "out" / path.relative_to(tmp_path / "plain")
        assert path.read_bytes() == other.read_bytes()
    assert len(list((tmp_path / "out").rglob("label-*"))) == 2


def test_labels_that_the_user_names_replace_those_that_are_found(
    study: Path, tmp_path: Path
) -> None:
    write_rtstruct(study / "a" / "rs.dcm", headers(study / "a"))
    out = tmp_path / "out"
    words = ["run", "isotropic-mip", str(study / "a"), "-o", str(out), "--label"]
    assert run_line([*words, f"own={study / 'a' / 'rs.dcm'}"]) == 0
    assert [path.name for path in out.rglob("label-*")] == ["label-own-GTV.nii.gz"]
    none = ["run", "isotropic-mip", str(study / "a"), "-o", str(tmp_path / "none")]
    assert run_line([*none, "--no-find-labels"]) == 0
    assert not list((tmp_path / "none").rglob("label-*"))
    found = discover([str(study / "a")], find_labels=False)
    assert unused(found) == {"LABEL_NOT_USED": 1}


def test_a_cut_object_fails_its_case_alone(study: Path, tmp_path: Path) -> None:
    write_rtstruct(study / "rs.dcm", headers(study / "a"))
    raw = (study / "rs.dcm").read_bytes()
    (study / "rs.dcm").write_bytes(raw[: raw.rindex(b"DS") + 4])
    summary = run_over(study, tmp_path / "out", pipeline=PLAIN)
    (failed,) = (case for case in summary.cases if case.status == "failed")
    assert summary.count("done") == 1
    assert failed.code
    assert not summary.is_complete


def test_a_segmentation_of_ours_is_the_label_of_its_series(study: Path, tmp_path: Path) -> None:
    stack = hu.open(study / "b")
    image = stack.volume()
    made = (image.array > 300).astype(np.uint8)
    mask = hu.Volume.from_array(made, affine=image.affine, quantity="label")
    hu.write_seg(mask, study / "seg.dcm", source=stack, names={1: "bone"})
    out = tmp_path / "out"
    assert run_over(study, out, pipeline=PLAIN).is_complete
    (path,) = out.rglob("label-bone.nii.gz")
    assert int(hu.read(path, quantity="label").array.sum()) == int(made.sum())


def test_real_objects_find_their_series(real_data: Path) -> None:
    leg = discover([str(real_data / "leg_rtstruct_sts001" / "dicom")])
    assert labelled(leg) == {"image": ["RS.dcm"]}
    seg = discover([str(real_data / "ct_dicomseg_nrrdseg_dcmqi")])
    (case,) = (case for case in seg.cases if case.series)
    assert sorted(each.path.name for each in case.labels) == ["liver.dcm", "partial_overlaps.dcm"]
    mixed = discover([str(real_data / "enhanced_multiframe" / "dcmqi_23x38x3")])
    assert labelled(mixed)["image"] == ["label.seg"]  # the classic slices, not the enhanced copy
    assert labelled(mixed)["multiframe"] == []


def test_real_contours_in_a_zip_are_those_of_the_folder(real_data: Path, tmp_path: Path) -> None:
    source = real_data / "leg_rtstruct_sts001" / "dicom"
    with zipfile.ZipFile(tmp_path / "leg.zip", "w") as archive:
        for path in sorted(path for path in source.rglob("*") if path.is_file()):
            archive.write(path, path.relative_to(source))
    summary = run_over(tmp_path / "leg.zip", tmp_path / "out", pipeline=PLAIN)
    assert summary.is_complete
    (path,) = (tmp_path / "out").rglob("label-GTV_Mass_CT.nii.gz")
    peers = 117_145  # voxels of CT_mask.nii.gz, the answer of the data set
    assert abs(int(hu.read(path, quantity="label").array.sum()) - peers) < 0.01 * peers
