"""A data set is exported whole, on one grid, without a patient in two parts, or not at all."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import nibabel
import numpy as np
import pytest

import hounsfield as hu
from hounsfield.core.errors import RefusedError
from hounsfield.dataset.export.check import check_no_leak
from hounsfield.dataset.export.export import LayoutName, layout_of
from tests.cli.conftest import Answer, Line
from tests.dataset.series import part, small_head

CASES = ("a", "b", "c", "d", "e", "f")
LAYOUTS: tuple[LayoutName, ...] = ("nnunet", "monai", "decathlon", "bids")


def scan_of(seed: int) -> hu.Volume:
    """A scan of noise, oblong voxels, LPS."""
    rng = np.random.default_rng(seed)
    affine = np.diag([-1.5, -1.25, 3.0, 1.0])
    return hu.Volume.from_array(rng.integers(-1000, 1500, (12, 10, 6)).astype("i2"), affine=affine)


def mask_of(scan: hu.Volume, low: int, value: int = 1) -> hu.Volume:
    """Voxels over a value."""
    array = ((scan.array > low) * value).astype(np.uint8)
    return hu.Volume.from_array(array, affine=scan.affine, quantity="label")


@pytest.fixture(scope="session")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six scans with two labels each, a table of three patients, and a run of the scans."""
    folder = tmp_path_factory.mktemp("cohort")
    for name in ("scans", "liver", "tumour"):
        (folder / name).mkdir()
    for seed, name in enumerate(CASES):
        scan = scan_of(seed)
        hu.write(scan, folder / "scans" / f"{name}.nii.gz")
        hu.write(mask_of(scan, 0), folder / "liver" / f"{name}.nii.gz")
        hu.write(mask_of(scan, 900, 3), folder / "tumour" / f"{name}.nii.gz")
    rows = [f"{name},DOE^{n // 2}" for n, name in enumerate(CASES)]
    (folder / "people.csv").write_text("\n".join(["id,patient", *rows]) + "\n")
    labels = {name: folder / name / "{id}.nii.gz" for name in ("tumour", "liver")}
    hu.run(hu.Pipeline([]), folder / "scans", folder / "run", labels=labels, linkage=False)
    return folder


@pytest.fixture
def cohort(scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of them, which is the current folder."""
    folder = tmp_path / "cohort"
    shutil.copytree(scans, folder)
    monkeypatch.chdir(folder)
    return folder


LABELS = ("--label", "tumour=tumour/{id}.nii.gz", "--label", "liver=liver/{id}.nii.gz")
SPLIT = ("--patients", "people.csv", "--test", "0.3", "--folds", "2")


def exported(line: Line, layout: str, *words: str, out: str = "set") -> Answer:
    """Export the run; it succeeds."""
    answer = line("export", layout, "run", "-o", out, *SPLIT, *words)
    assert answer.status == 0, answer.err
    return answer


def files(folder: Path) -> dict[str, bytes]:
    """The files of a data set by their paths, without the hidden ones."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".hounsfield" not in path.parts
    }


def voxels(path: Path) -> np.ndarray:
    """The voxels of a NIfTI file."""
    return np.asarray(nibabel.load(path).dataobj)


def test_nnunet_has_image_and_label_on_one_grid_and_numbers_without_gaps(
    cohort: Path, line: Line
) -> None:
    exported(line, "nnunet", out="Dataset501_Liver")
    folder = cohort / "Dataset501_Liver"
    data = json.loads((folder / "dataset.json").read_text())
    assert data == {
        "name": "Dataset501_Liver",
        "channel_names": {"0": "CT"},
        "labels": {"background": 0, "tumour-3": 1, "liver": 2},
        "numTraining": 4,
        "file_ending": ".nii.gz",
    }
    assert len(list(folder.glob("imagesTs/*"))) == len(list(folder.glob("labelsTs/*"))) == 2
    for seed, name in enumerate(CASES):
        (image,) = folder.glob(f"images*/{name}_0000.nii.gz")
        (label,) = folder.glob(f"labels*/{name}.nii.gz")
        assert image.parent.name[-2:] == label.parent.name[-2:]
        scan = scan_of(seed)
        np.testing.assert_array_equal(voxels(image), scan.array)
        assert nibabel.load(image).get_data_dtype() == np.int16
        np.testing.assert_array_equal(nibabel.load(image).affine, nibabel.load(label).affine)
        expected = np.where(scan.array > 900, 1, np.where(scan.array > 0, 2, 0))
        np.testing.assert_array_equal(voxels(label), expected)


def test_scans_are_exported_on_their_own_grid_and_the_first_label_wins(
    cohort: Path, line: Line
) -> None:
    words = ("--no-linkage", "--json")
    answer = line("export", "nnunet", "scans", "-o", "set", *LABELS, *SPLIT, *words)
    assert answer.status == 0, answer.err
    found = json.loads(answer.out)
    assert found["labels"] == {"background": 0, "tumour-3": 1, "liver": 2}
    for seed, case in enumerate(found["cases"]):
        scan = scan_of(seed)
        count = int((scan.array > 900).sum())
        assert case["overlaps"] == [{"kept": "tumour-3", "lost": "liver", "voxels": count}]
        (label,) = cohort.glob(f"set/labels*/{case['id']}.nii.gz")
        expected = np.where(scan.array > 900, 1, np.where(scan.array > 0, 2, 0))
        np.testing.assert_array_equal(voxels(label), expected)
        assert nibabel.load(label).get_data_dtype() == np.uint8
    of_run = {name: data for name, data in files(cohort / "set").items() if "labels" not in name}
    exported(line, "nnunet", out="of-run/set")
    again = files(cohort / "of-run/set")
    assert {name: again[name] for name in of_run if "dataset" not in name} == {
        name: data for name, data in of_run.items() if "dataset" not in name
    }


@pytest.mark.parametrize("by", ["map", "files"])
def test_the_order_of_labels_of_a_run_wins_in_its_export(by: str, cohort: Path, line: Line) -> None:
    words = LABELS + (("--labels", "tumour=tumour|3,liver=liver|1") if by == "map" else ())
    assert line("run", "bone", "scans", "-o", "out", *words, "--no-linkage").status == 0
    answer = line("export", "nnunet", "out", "-o", "set", "--json")
    assert answer.status == 0, answer.err
    found = json.loads(answer.out)
    assert next(iter(list(found["labels"])[1:])).startswith("tumour")
    kept = {one["kept"].split("-")[0] for case in found["cases"] for one in case["overlaps"]}
    assert kept == {"tumour"}


def test_splits_of_nnunet_keep_patients_together(cohort: Path, line: Line) -> None:
    exported(line, "nnunet")
    patient = {name: n // 2 for n, name in enumerate(CASES)}
    test = {path.name.split("_")[0] for path in cohort.glob("set/imagesTs/*")}
    assert len({patient[name] for name in test}) == 1
    folds = json.loads((cohort / "set/splits_final.json").read_text())
    assert len(folds) == 2
    for fold in folds:
        assert sorted(fold["train"] + fold["val"]) == sorted(set(CASES) - test)
        assert not {patient[n] for n in fold["train"]} & {patient[n] for n in fold["val"]}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_another_split_leaves_no_file_of_the_earlier_one(
    layout: LayoutName, cohort: Path, line: Line
) -> None:
    for seed in range(2):
        exported(line, layout, "--seed", str(seed))
        fresh = f"fresh-{seed}/set"
        exported(line, layout, "--seed", str(seed), out=fresh)
        assert files(cohort / "set") == files(cohort / fresh)
        assert list((cohort / "set/.hounsfield").glob("layout.*")) == []


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_check_reads_what_was_written(layout: LayoutName, cohort: Path, line: Line) -> None:
    exported(line, layout)
    patients = {name: str(n // 2) for n, name in enumerate(CASES)}
    check_no_leak(layout_of(layout), cohort / "set", patients=patients)
    with pytest.raises(RefusedError, match=r"patients are in '.*' and in '.*'"):
        check_no_leak(layout_of(layout), cohort / "set", patients=dict.fromkeys(CASES, "one"))
    del patients["a"]
    with pytest.raises(RefusedError, match="files are of no case"):
        check_no_leak(layout_of(layout), cohort / "set", patients=patients)


def test_a_leak_in_the_table_is_refused_and_changes_nothing(cohort: Path, line: Line) -> None:
    exported(line, "nnunet")
    before = files(cohort / "set")
    (cohort / "people.csv").write_text("id,patient,split\na,x,train\nb,x,test\n")
    answer = line("export", "nnunet", "run", "-o", "set", *SPLIT)
    assert answer.status == 1
    assert "assign 1 patients to several parts" in answer.err
    assert files(cohort / "set") == before


def test_a_split_of_the_table_is_kept(cohort: Path, line: Line) -> None:
    rows = ["id,split", "a,train", "b,val", "c,test", "d,training", "e,Validation", "f,test"]
    (cohort / "people.csv").write_text("\n".join(rows) + "\n")
    exported(line, "monai", "--test", "0")
    data = json.loads((cohort / "set/datalist.json").read_text())
    lists = {key: [entry["image"] for entry in data[key]] for key in KEYS}
    assert lists == {
        "training": ["images/a.nii.gz", "images/d.nii.gz"],
        "validation": ["images/b.nii.gz", "images/e.nii.gz"],
        "test": ["images/c.nii.gz", "images/f.nii.gz"],
    }
    exported(line, "nnunet", "--test", "0", out="other")
    folds = json.loads((cohort / "other/splits_final.json").read_text())
    assert folds == [{"train": ["a", "d"], "val": ["b", "e"]}]


KEYS = ("training", "validation", "test")


def test_a_failed_case_is_listed_and_the_others_are_written(cohort: Path, line: Line) -> None:
    (cohort / "liver/c.nii.gz").write_bytes(b"broken")
    answer = line("export", "nnunet", "scans", "-o", "set", *LABELS, *SPLIT, "--json")
    assert answer.status == 1
    found = {case["id"]: case["status"] for case in json.loads(answer.out)["cases"]}
    assert found == dict.fromkeys("abdef", "done") | {"c": "failed"}
    assert len(list(cohort.glob("set/images*/*"))) == 5
    assert len([text for text in answer.lines if text.startswith("error")]) == 1
    (cohort / "run/cases/b/label-liver.nii.gz").write_bytes(b"broken")
    (cohort / "run/cases/d/record.json").unlink()
    answer = line("export", "nnunet", "run", "-o", "of-run", *SPLIT, "--json")
    assert answer.status == 1
    found = {case["id"]: case["code"] for case in json.loads(answer.out)["cases"]}
    assert {name for name, code in found.items() if code} == {"b", "d"}


def test_scans_without_labels_are_no_data_set_of_nnunet(cohort: Path, line: Line) -> None:
    answer = line("export", "nnunet", "scans", "-o", "set", "--no-linkage")
    assert answer.status == 1
    assert "no label" in answer.err
    assert not (cohort / "set/dataset.json").exists()
    assert line("export", "monai", "scans", "-o", "images", "--no-linkage").status == 0


def test_files_of_others_are_never_removed(cohort: Path, line: Line) -> None:
    (cohort / "set").mkdir()
    (cohort / "set/imagesTr").write_text("mine")
    answer = line("export", "nnunet", "run", "-o", "set", *SPLIT)
    assert answer.status == 1
    assert "no export wrote" in answer.err
    assert (cohort / "set/imagesTr").read_text() == "mine"


@pytest.mark.parametrize(
    "words",
    [
        ("export", "nnunet", "run", "-o", "s3://bucket/set"),
        ("fingerprint", "run", "-o", "s3://bucket/fp.json"),
        ("restore", "run", "scans", "-o", "s3://bucket/back"),
        ("restore", "s3://bucket/run", "scans", "-o", "back"),
    ],
)
def test_a_url_that_cannot_be_used_is_one_line_and_no_folder(
    words: tuple[str, ...], scans: Path, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(scans)
    answer = line(*words)
    assert answer.status == 2
    (text,) = answer.lines
    assert text.startswith("error: s3://bucket/")
    assert "expected a path on this machine" in text
    assert not (scans / "s3:").exists()


def test_an_error_leaves_the_earlier_data_set(
    cohort: Path, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    exported(line, "nnunet")
    before = files(cohort / "set")

    def broken(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("hounsfield.dataset.export.nnunet.write_json", broken)
    answer = line("export", "nnunet", "run", "-o", "set", *SPLIT, "--seed", "5")
    assert answer.status == 1
    assert "No space left" in answer.err
    assert files(cohort / "set") == before


def test_a_data_set_in_the_folder_of_the_scans_is_not_found_again(cohort: Path, line: Line) -> None:
    exported(line, "nnunet", out="scans/raw/Dataset501_Liver")
    assert line("run", "bone", "scans", "-o", "again", "--no-linkage").status == 0
    assert len(list(cohort.glob("again/cases/*"))) == 6
    assert line("run", "bone", "scans/raw/Dataset501_Liver/imagesTs", "-o", "named").status == 0
    assert len(list(cohort.glob("named/cases/*"))) == 2


def test_bids_has_a_folder_for_each_patient_and_no_name(cohort: Path, line: Line) -> None:
    exported(line, "bids")
    found = files(cohort / "set")
    people = found["participants.tsv"].decode().splitlines()
    assert len(people) == 4
    assert people[0].split("\t") == ["participant_id", "split", "scans"]
    for row in people[1:]:
        name, _, scans = row.split("\t")
        assert scans == "2"
        for run in (1, 2):
            assert f"{name}/ct/{name}_run-{run}_ct.json" in found
            assert f"derivatives/labels/{name}/ct/{name}_run-{run}_dseg.nii.gz" in found
    assert found["derivatives/labels/dseg.tsv"].decode().splitlines()[1:] == [
        "0\tbackground",
        "1\ttumour-3",
        "2\tliver",
    ]
    everything = b"".join([*found.values(), "\n".join(found).encode()])
    assert b"DOE" not in everything


def test_the_decathlon_lists_tests_by_their_image_alone(cohort: Path, line: Line) -> None:
    exported(line, "decathlon")
    data = json.loads((cohort / "set/dataset.json").read_text())
    assert data["modality"] == {"0": "CT"}
    assert data["labels"] == {"0": "background", "1": "tumour-3", "2": "liver"}
    assert (data["numTraining"], data["numTest"]) == (4, 2)
    for entry in data["training"]:
        assert (cohort / "set" / entry["image"]).is_file()
        assert (cohort / "set" / entry["label"]).is_file()
    assert all((cohort / "set" / image).is_file() for image in data["test"])


def test_predictions_of_an_export_come_back(cohort: Path, line: Line) -> None:
    exported(line, "nnunet")
    (cohort / "predicted").mkdir()
    for label in cohort.glob("set/labelsTs/*"):
        (cohort / "predicted" / label.name).write_bytes(label.read_bytes())
    answer = line("restore", "set", "predicted", "-o", "back", "--json")
    assert answer.status == 0, answer.err
    assert json.loads(answer.out)["counts"]["done"] == 2
    for label in cohort.glob("set/labelsTs/*"):
        np.testing.assert_array_equal(voxels(cohort / "back" / label.name), voxels(label))
    label.unlink()
    (cohort / "predicted" / label.name).unlink()
    answer = line("restore", "set", "predicted", "-o", "back")
    assert answer.status == 1
    assert answer.lines[-1].startswith("1 restored, 1 without a prediction")


def test_what_a_small_cohort_lacks_is_stated(cohort: Path, line: Line) -> None:
    exported(line, "nnunet", out="Dataset001_Full")
    answer = line("export", "nnunet", "run", "-o", "set", *SPLIT[:2], "--test", "0.1")
    assert answer.status == 0, answer.err
    assert "no case is for testing: --test 0.1" in answer.err
    assert "3 folds instead of 5" in answer.err
    assert "Dataset501_Liver" in answer.err
    answer = line("export", "nnunet", "run", "-o", "Dataset001_Full", *SPLIT)
    assert "warning" not in answer.err


def test_a_case_without_a_label_is_not_in_the_fingerprint(cohort: Path, line: Line) -> None:
    for label in cohort.glob("run/cases/b/label-*"):
        label.unlink()
    record = cohort / "run/cases/b/record.json"
    data = json.loads(record.read_text())
    data["outputs"] = {k: v for k, v in data["outputs"].items() if not k.startswith("label-")}
    record.write_text(json.dumps(data))
    answer = line("fingerprint", "run", "--json")
    assert answer.status == 1
    assert "b: no label" in answer.err
    assert len(json.loads(answer.out)["spacings"]) == 5


def test_the_fingerprint_of_scans_and_of_their_export_agree(cohort: Path, line: Line) -> None:
    of_scans = line("fingerprint", "scans", *LABELS, "--no-linkage", "--json")
    assert of_scans.status == 0, of_scans.err
    exported(line, "nnunet", "--test", "0")
    of_set = line("fingerprint", "set", "-o", "fp.json", "--json")
    assert json.loads(of_set.out) == json.loads(of_scans.out)
    pooled = np.concatenate(
        [
            np.tile(some := (array := scan_of(seed).array)[array > 0], 3600 // len(some) + 1)[:3600]
            for seed in range(6)
        ]
    )
    found = json.loads((cohort / "fp.json").read_text())
    values = found["foreground_intensity_properties_per_channel"]["0"]
    assert values["mean"] == pytest.approx(pooled.mean(), abs=5)
    setting = "pipeline.fingerprint=fp.json"
    assert line("run", "nnunet-ct", "scans", "-o", "out", "--set", setting).status == 0


def test_a_folder_of_predictions_becomes_segmentations_of_its_series(
    tmp_path: Path, line: Line
) -> None:
    study = tmp_path / "study"
    for kernel in ("SOFT", "BONE"):
        part(small_head(), study, ConvolutionKernel=kernel)
    assert line("run", "bone", study, "-o", tmp_path / "out", "--no-linkage").status == 0
    (tmp_path / "predicted").mkdir()
    for folder in (tmp_path / "out/cases").iterdir():
        image = nibabel.load(folder / "image.nii.gz")
        found = nibabel.Nifti1Image(
            (voxels(folder / "image.nii.gz") > 0.5).astype("u1"), image.affine
        )
        nibabel.save(found, tmp_path / "predicted" / f"{folder.name}.nii.gz")
    words = ("restore", tmp_path / "out", tmp_path / "predicted", "-o", tmp_path / "seg")
    answer = line(*words, "--format", "seg")
    assert answer.status == 2
    answer = line(*words, "--format", "seg", "--source", study)
    assert answer.status == 0, answer.err
    for path in (tmp_path / "predicted").iterdir():
        case = path.name.removesuffix(".nii.gz")
        read = hu.open(study, series=case)
        (made,) = hu.read_labels(tmp_path / "seg" / f"{case}.dcm", image=read).values()
        assert made.array.any()
