"""Real CT with an RTSTRUCT, a DICOM SEG and a label map becomes one data set of nnU-Net."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

import nibabel
import numpy as np
import pytest

from hounsfield.__main__ import main
from hounsfield.cli.run_options import Labelling
from hounsfield.dataset.fingerprint import measure, training_cases

ROOT = Path(__file__).resolve().parents[3]
HERE = Path(__file__).parent

SCANS = {
    "leg": ("leg_rtstruct_sts001/dicom/image", "leg_rtstruct_sts001/dicom/mask/RS.dcm"),
    "abdomen": ("ct_dicomseg_nrrdseg_dcmqi/ct-3slice", "ct_dicomseg_nrrdseg_dcmqi/liver.dcm"),
    "body": ("body_siemens_j2k_seg/dicom", "body_siemens_j2k_seg/example_seg_dicom.nii.gz"),
}
"""A folder of DICOM and its labels."""

LIVER = 5
"""The value of the liver in TotalSegmentator's label map."""

VOXELS = {("leg", "seg-GTV_Mass_CT"): 117_145, ("abdomen", "seg-Liver"): 107_098}
"""Voxels of a label as its peers count them: the NIfTI mask that comes with the leg (IBSI's tools),
and the pixels of the SEG (dcmqi)."""


def exported(real_data: Path, folder: Path, names: Iterable[str] = SCANS) -> Path:
    """Export scans with their labels by one command."""
    (folder / "labels").mkdir()
    for name in names:
        scan, labels = SCANS[name]
        shutil.copytree(real_data / scan, folder / "scans" / name)
        shutil.copyfile(real_data / labels, folder / "labels" / name)
    out = folder / "raw" / "Dataset501_Liver"
    words = ["--ids", "folder", "--label", f"seg={folder}/labels/{{id}}", "--no-linkage", "-q"]
    assert main(["export", "nnunet", str(folder / "scans"), "-o", str(out), *words]) == 0
    return out


@pytest.fixture(scope="module")
def data_set(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data set of all scans."""
    return exported(real_data, tmp_path_factory.mktemp("nnunet"))


def label_map(data_set: Path, case: str) -> np.ndarray:
    """The voxels of the label map of a case."""
    return np.asarray(nibabel.load(data_set / "labelsTr" / f"{case}.nii.gz").dataobj)


@pytest.mark.slow
def test_labels_have_the_voxels_that_the_peers_count(data_set: Path, real_data: Path) -> None:
    values = json.loads((data_set / "dataset.json").read_text())["labels"]
    assert sorted(values.values()) == list(range(len(values)))
    for (case, name), count in VOXELS.items():
        assert np.count_nonzero(label_map(data_set, case) == values[name]) == count
    peer = np.asarray(nibabel.load(real_data / SCANS["body"][1]).dataobj)
    found = label_map(data_set, "body") == values[f"seg-{LIVER}"]
    assert np.count_nonzero(found) == np.count_nonzero(peer == LIVER) > 300_000


@pytest.mark.slow
def test_a_prediction_comes_back_on_the_scan(data_set: Path, tmp_path: Path) -> None:
    words = ["restore", str(data_set), str(data_set / "labelsTr"), "-o", str(tmp_path), "-q"]
    assert main(words) == 0
    for case in SCANS:
        back = np.asarray(nibabel.load(tmp_path / f"{case}.nii.gz").dataobj)
        np.testing.assert_array_equal(back, label_map(data_set, case))


@pytest.mark.slow
def test_one_command_names_the_labels_of_three_formats(real_data: Path, tmp_path: Path) -> None:
    if "labels" not in Labelling.__dataclass_fields__:
        pytest.skip("run has no option --labels")
    rows = [
        f"{name},{real_data / scan},{real_data / labels},{n}"
        for n, (name, (scan, labels)) in enumerate(SCANS.items())
    ]
    (tmp_path / "cohort.csv").write_text("\n".join(["id,image,label,patient", *rows]) + "\n")
    out = tmp_path / "Dataset502_Liver"
    words = ["--labels", f"gtv=gtv.*,liver=liver|{LIVER}", "--no-linkage", "-q"]
    assert main(["export", "nnunet", str(tmp_path / "cohort.csv"), "-o", str(out), *words]) == 0
    values = json.loads((out / "dataset.json").read_text())["labels"]
    assert values == {"background": 0, "gtv": 1, "liver": 2}
    peer = np.asarray(nibabel.load(real_data / SCANS["body"][1]).dataobj)
    counts = {"leg": (117_145, 0), "abdomen": (0, 107_098), "body": (0, (peer == LIVER).sum())}
    for case, expected in counts.items():
        found = label_map(out, case)
        assert tuple(int((found == value).sum()) for value in (1, 2)) == expected


def nnunet_python() -> Path:
    """The interpreter with nnunetv2; `make nnunet` makes one."""
    path = os.environ.get("HOUNSFIELD_NNUNET_PYTHON", str(ROOT / ".venv-nnunet/bin/python"))
    if not os.access(path, os.X_OK):
        pytest.skip(f"no nnU-Net at {path}: run make nnunet, or set HOUNSFIELD_NNUNET_PYTHON")
    return Path(path)


def run_nnunet(script: str, data_set: Path, folder: Path, *words: object) -> str:
    """Run a script in the environment of nnU-Net; what it printed."""
    names = {"nnUNet_raw": data_set.parent, "nnUNet_preprocessed": folder / "preprocessed"}
    names["nnUNet_results"] = folder / "results"
    done = subprocess.run(
        [str(nnunet_python()), str(HERE / script), str(data_set), *map(str, words)],
        capture_output=True,
        text=True,
        env={**os.environ, **{name: str(path) for name, path in names.items()}},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_nnunet_accepts_it_and_measures_the_same_fingerprint(
    data_set: Path, tmp_path: Path
) -> None:
    printed = run_nnunet("nnunet_oracle.py", data_set, tmp_path)
    assert "verify_dataset_integrity Done" in printed
    assert "Error" not in printed
    assert "mismatch" not in printed
    theirs = json.loads(printed.splitlines()[-1])
    ours = measure(training_cases(data_set))
    assert ours["shapes_after_crop"] == theirs["shapes_after_crop"]
    np.testing.assert_allclose(ours["spacings"], theirs["spacings"], rtol=1e-6)
    mine, other = (
        found["foreground_intensity_properties_per_channel"]["0"] for found in (ours, theirs)
    )
    # nnU-Net draws 33 million voxels of each case, so its figures are off by some hundredths of HU
    for name, tolerance in {"mean": 0.1, "std": 0.2, "median": 1, "min": 0, "max": 0}.items():
        assert mine[name] == pytest.approx(other[name], abs=tolerance), name
    for name in ("percentile_00_5", "percentile_99_5"):
        assert mine[name] == pytest.approx(other[name], abs=2), name


@pytest.mark.slow
@pytest.mark.parametrize("mode", [(), ("--probabilities", "argmax")], ids=["labels", "npz"])
def test_what_nnunet_predicts_comes_back_voxel_for_voxel(
    mode: tuple[str, ...], predicted: tuple[Path, Path], tmp_path: Path
) -> None:
    data_set, predictions = predicted
    words = ["restore", str(data_set), str(predictions), "-o", str(tmp_path), "-q", *mode]
    assert main(words) == 0
    for case in ("leg", "abdomen"):
        back, theirs = (
            np.asarray(nibabel.load(folder / f"{case}.nii.gz").dataobj)
            for folder in (tmp_path, predictions)
        )
        assert theirs.any()
        np.testing.assert_array_equal(back, theirs)


@pytest.fixture(scope="module")
def predicted(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A data set, and predictions that nnU-Net wrote for it."""
    nnunet_python()
    folder = tmp_path_factory.mktemp("predicted")
    data_set = exported(real_data, folder, ("leg", "abdomen"))
    run_nnunet("nnunet_predictions.py", data_set, folder, folder / "predicted")
    return data_set, folder / "predicted"
