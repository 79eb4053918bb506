"""Data sets of nnU-Net, of the Decathlon and in BIDS are recognized by their own marks."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import hounsfield as hu
from hounsfield.cli.main import run_line
from hounsfield.dataset.case import CaseSource
from hounsfield.dataset.discover import Discovery, discover
from tests.dataset.conftest import noisy


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image and its label map."""
    folder = tmp_path_factory.mktemp("pair")
    image = noisy(1)
    hu.write(image, folder / "ct.nii.gz")
    made = (image.array > 500).astype(np.uint8)
    label = hu.Volume.from_array(made, affine=image.affine, quantity="label")
    hu.write(label, folder / "seg.nii.gz")
    return folder


def put(pair: Path, kind: str, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(pair / f"{kind}.nii.gz", path)


def nnunet(pair: Path, folder: Path, **changes: object) -> Path:
    for case in ("liver_0", "liver_1"):
        put(pair, "ct", folder / "imagesTr" / f"{case}_0000.nii.gz")
        put(pair, "seg", folder / "labelsTr" / f"{case}.nii.gz")
    put(pair, "ct", folder / "imagesTs" / "liver_9_0000.nii.gz")
    data = {
        "channel_names": {"0": "CT"},
        "labels": {"background": 0, "liver": 1, "tumour": 2, "both": [1, 2]},
        "numTraining": 2,
        "file_ending": ".nii.gz",
        **changes,
    }
    kept = {name: value for name, value in data.items() if value is not None}
    (folder / "dataset.json").write_text(json.dumps(kept))
    return folder


def by_id(found: Discovery) -> dict[str, CaseSource]:
    return {case.id: case for case in found.cases}


def test_nnunet_gives_cases_labels_names_and_splits(pair: Path, tmp_path: Path) -> None:
    found = discover([str(nnunet(pair, tmp_path / "Dataset501_Liver"))])
    cases = by_id(found)
    assert {case_id: case.split for case_id, case in cases.items()} == {
        "liver_0": "train",
        "liver_1": "train",
        "liver_9": "test",
    }
    (label,) = cases["liver_1"].labels
    assert (label.name, label.path.name) == ("label", "liver_1.nii.gz")
    assert label.names == ((1, "liver"), (2, "tumour"))
    assert not cases["liver_9"].labels
    assert len({case.patient for case in cases.values()}) == 3
    assert any("nnU-Net data set, 3 images" in note for note in found.notes)
    assert not found.missed


def test_nnunet_runs_end_to_end(pair: Path, tmp_path: Path) -> None:
    source, out = nnunet(pair, tmp_path / "d"), tmp_path / "out"
    assert run_line(["run", "isotropic-mip", str(source), "-o", str(out)]) == 0
    written = {path.parent.name for path in out.rglob("label-label.nii.gz")}
    assert written == {"liver_0", "liver_1"}


def test_nnunet_reads_the_ct_of_several_channels_alone(pair: Path, tmp_path: Path) -> None:
    folder = nnunet(pair, tmp_path / "d", channel_names={"0": "PET", "1": "CT"})
    put(pair, "ct", folder / "imagesTr" / "liver_0_0001.nii.gz")
    (case,) = discover([str(folder)]).cases
    assert case.path.name == "liver_0_0001.nii.gz"


@pytest.mark.parametrize("channels", [{"0": "T1"}, {"0": "CT", "1": "CT"}, {"0": "T1", "1": "T2"}])
def test_nnunet_without_one_channel_of_ct_is_refused(
    pair: Path, tmp_path: Path, channels: dict[str, str]
) -> None:
    found = discover([str(nnunet(pair, tmp_path / "d", channel_names=channels))])
    assert not found.cases
    assert [one.code for one in found.missed] == ["NO_CT"]


def test_a_training_image_without_a_label_is_listed(pair: Path, tmp_path: Path) -> None:
    folder = nnunet(pair, tmp_path / "d")
    (folder / "labelsTr" / "liver_0.nii.gz").unlink()
    found = discover([str(folder)])
    assert len(found.cases) == 3
    assert [one.code for one in found.missed] == ["MISSING_LABEL"]


def test_nnunet_1_is_no_decathlon(pair: Path, tmp_path: Path) -> None:
    listed = [{"image": "./imagesTr/liver_0.nii.gz", "label": "./labelsTr/liver_0.nii.gz"}]
    changes = {"channel_names": None, "modality": {"0": "CT"}, "training": listed}
    folder = nnunet(pair, tmp_path / "d", labels={"0": "background", "1": "liver"}, **changes)
    found = discover([str(folder)])
    assert set(by_id(found)) == {"liver_0", "liver_1", "liver_9"}
    assert by_id(found)["liver_0"].labels[0].names == ((1, "liver"),)


def decathlon(pair: Path, folder: Path, **changes: object) -> Path:
    put(pair, "ct", folder / "imagesTr" / "a.nii.gz")
    put(pair, "seg", folder / "labelsTr" / "a.nii.gz")
    put(pair, "ct", folder / "imagesTs" / "b.nii.gz")
    put(pair, "ct", folder / "imagesTs" / "unlisted.nii.gz")
    data = {
        "modality": {"0": "CT"},
        "labels": {"0": "background", "1": "spleen"},
        "training": [{"image": "./imagesTr/a.nii.gz", "label": "./labelsTr/a.nii.gz"}],
        "test": ["./imagesTs/b.nii.gz"],
        **changes,
    }
    (folder / "dataset.json").write_text(json.dumps(data))
    return folder


def test_decathlon_gives_the_listed_images(pair: Path, tmp_path: Path) -> None:
    found = discover([str(decathlon(pair, tmp_path / "Task09"))])
    assert {case_id: case.split for case_id, case in by_id(found).items()} == {
        "a": "train",
        "b": "test",
    }
    assert by_id(found)["a"].labels[0].names == ((1, "spleen"),)


def test_decathlon_of_mri_or_with_files_outside_is_listed(pair: Path, tmp_path: Path) -> None:
    mri = discover([str(decathlon(pair, tmp_path / "a", modality={"0": "MRI"}))])
    assert (mri.cases, [one.code for one in mri.missed]) == ((), ["NO_CT"])
    put(pair, "ct", tmp_path / "secret.nii.gz")
    tests = ["./imagesTs/b.nii.gz", "../secret.nii.gz", "imagesTs/no.nii.gz", "x" * 999, "a\0b"]
    found = discover([str(decathlon(pair, tmp_path / "b", test=tests))])
    assert set(by_id(found)) == {"a", "b"}
    assert [one.where for one in found.missed] == tests[1:]


def bids(pair: Path, folder: Path) -> Path:
    (folder / "derivatives" / "seg").mkdir(parents=True)
    (folder / "dataset_description.json").write_text('{"BIDSVersion": "1.9.0"}')
    for name in ("sub-01/ct/sub-01_ct", "sub-02/ses-1/anat/sub-02_ses-1_ct"):
        put(pair, "ct", folder / f"{name}.nii.gz")
    put(pair, "ct", folder / "sub-02/ses-2/anat/sub-02_ses-2_ct.nii.gz")
    put(pair, "ct", folder / "sub-01/anat/sub-01_T1w.nii.gz")
    of_seg = folder / "derivatives" / "seg"
    put(pair, "seg", of_seg / "sub-01/ct/sub-01_dseg.nii.gz")
    put(pair, "seg", of_seg / "sub-02/ses-1/anat/sub-02_ses-1_desc-lesion_mask.nii.gz")
    (of_seg / "dseg.tsv").write_text("index\tname\n0\tbackground\n1\tliver\n")
    return folder


def test_bids_gives_subjects_sessions_and_derivatives(pair: Path, tmp_path: Path) -> None:
    cases = by_id(discover([str(bids(pair, tmp_path / "b"))]))
    assert set(cases) == {"sub-01", "sub-02_ses-1", "sub-02_ses-2"}
    (label,) = cases["sub-01"].labels
    assert (label.name, label.names) == ("label", ((1, "liver"),))
    assert [each.name for each in cases["sub-02_ses-1"].labels] == ["lesion"]
    assert not cases["sub-02_ses-2"].labels
    patients = {case_id: case.patient for case_id, case in cases.items()}
    assert patients["sub-02_ses-1"] == patients["sub-02_ses-2"] != patients["sub-01"]


def test_marks_of_two_layouts_are_refused(pair: Path, tmp_path: Path) -> None:
    folder = bids(pair, nnunet(pair, tmp_path / "d"))
    found = discover([str(folder)])
    assert (found.cases, [one.code for one in found.missed]) == ((), ["AMBIGUOUS_LAYOUT"])


def test_data_sets_in_subfolders_are_read_as_such(pair: Path, tmp_path: Path) -> None:
    put(pair, "ct", tmp_path / "all" / "plain.nii.gz")
    nnunet(pair, tmp_path / "all" / "Dataset1")
    decathlon(pair, tmp_path / "all" / "deep" / "Task09")
    found = discover([str(tmp_path / "all")])
    assert set(by_id(found)) == {"plain", "liver_0", "liver_1", "liver_9", "a", "b"}
    assert not found.missed


def test_a_folder_of_images_and_labels_without_marks_is_no_layout(
    pair: Path, tmp_path: Path
) -> None:
    put(pair, "ct", tmp_path / "x" / "imagesTr" / "a_0000.nii.gz")
    put(pair, "seg", tmp_path / "x" / "labelsTr" / "a.nii.gz")
    found = discover([str(tmp_path / "x")])
    assert len(found.cases) == 2
    assert not any(case.labels for case in found.cases)


def test_links_out_of_a_data_set_are_not_followed(pair: Path, tmp_path: Path) -> None:
    folder = nnunet(pair, tmp_path / "d")
    (folder / "imagesTr" / "liver_0_0000.nii.gz").unlink()
    (folder / "imagesTr" / "liver_0_0000.nii.gz").symlink_to(pair / "ct.nii.gz")
    (folder / "labelsTr" / "liver_1.nii.gz").unlink()
    (folder / "labelsTr" / "liver_1.nii.gz").symlink_to(pair / "seg.nii.gz")
    found = discover([str(folder)])
    assert set(by_id(found)) == {"liver_9"}
    assert [one.code for one in found.missed] == ["OUTSIDE_FOLDER"]


def test_a_row_that_names_a_folder_of_data_sets_is_listed(pair: Path, tmp_path: Path) -> None:
    nnunet(pair, tmp_path / "all" / "Dataset1")
    (tmp_path / "t.csv").write_text("image\nall\n")
    found = discover([str(tmp_path / "t.csv")])
    assert (found.cases, [one.where for one in found.missed]) == ((), ["line 2"])


@pytest.mark.parametrize("text", ["[]", "{", "3", '{"channel_names": 3, "training": {"a": 1}}'])
def test_a_broken_description_is_no_mark(pair: Path, tmp_path: Path, text: str) -> None:
    folder = nnunet(pair, tmp_path / "d")
    (folder / "dataset.json").write_text(text)
    found = discover([str(folder)])
    assert len(found.cases) + len(found.missed) > 0
