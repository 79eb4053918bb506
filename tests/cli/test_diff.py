"""`hounsfield diff`: the differences of two runs are those that numpy finds in their files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

import hounsfield as hu
from hounsfield.dataset import diff_values
from tests.cli.conftest import Line, ball_label, ball_scan


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test writes a linkage file of the user who runs it."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def pipeline(folder: Path, name: str, *steps: Any) -> Path:
    """A pipeline as a file."""
    path = folder / f"{name}.toml"
    path.write_text(hu.Pipeline(steps).to_toml())
    return path


def compared(line: Line, first: Path, second: Path, *words: object) -> dict[str, Any]:
    """The differences of two runs."""
    answer = line("diff", first, second, "--json", *words)
    data: dict[str, Any] = json.loads(answer.out)
    others = {key: n for key, n in data["counts"].items() if key != "same"}
    assert answer.status == (1 if any(others.values()) else 0), answer.err
    return data


@pytest.mark.parametrize("form", ["nrrd", "npy", "nii", "png", "dicom"])
def test_formats_are_compared_by_their_values(
    form: str, line: Line, scan: Path, label: Path, tmp_path: Path
) -> None:
    steps = pipeline(tmp_path, "steps", hu.Reorient(to="LPS"))
    for name, words in (("one", ()), ("other", ("--format", form))):
        words += ("--label", f"bone={label}")
        assert line("run", steps, scan, "-o", tmp_path / name, *words).status == 0
    data = compared(line, tmp_path / "one", tmp_path / "other", "-v")
    assert data["counts"]["same"] == 1
    parts = {part["name"]: part for part in data["cases"][0]["parts"]}
    assert set(parts) == {"image", "label-bone"}
    assert parts["image"]["values"]["share_different"] == 0
    assert parts["image"]["values"]["voxels"] == 24 * 20 * 12
    if parts["label-bone"]["values"]:  # DICOM has its labels as NIfTI, with the same bytes
        assert parts["label-bone"]["dice"] == {"1": 1.0}


def test_values_and_dice_are_those_of_numpy(
    line: Line, scan: Path, label: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diff_values, "SLAB_VOXELS", 1000)  # several slabs
    one = pipeline(tmp_path, "one", hu.Resample(spacing_mm=2.0), hu.Clip(low_hu=-500, high_hu=900))
    other = pipeline(tmp_path, "other", hu.Resample(spacing_mm=2.0, label_method="nearest"))
    for name, steps in (("a", one), ("b", other)):
        words = ("-o", tmp_path / name, "--label", f"bone={label}")
        assert line("run", steps, scan, *words).status == 0
    (case,) = compared(line, tmp_path / "a", tmp_path / "b")["cases"]
    files = [tmp_path / name / "cases" / "ball" for name in "ab"]
    first, second = (
        np.asarray(nibabel.load(path / "image.nii.gz").dataobj, float) for path in files
    )
    parts = {part["name"]: part for part in case["parts"]}
    found, gap = parts["image"]["values"], np.abs(first - second)
    assert found["max_abs"] == gap.max()
    assert found["mean_abs"] == pytest.approx(gap.mean())
    assert found["rms"] == pytest.approx(np.sqrt((gap**2).mean()))
    assert found["share_different"] == np.mean(first != second)
    ones, others = (
        np.asarray(nibabel.load(path / "label-bone.nii.gz").dataobj) == 1 for path in files
    )
    dice = 2 * (ones & others).sum() / (ones.sum() + others.sum())
    assert parts["label-bone"]["dice"]["1"] == pytest.approx(dice)
    assert dice < 1
    assert case["record"]["steps"] == ["Resample > Clip", "Resample"]


def test_grids_are_compared_in_millimetres(line: Line, scan: Path, tmp_path: Path) -> None:
    volume = hu.read(scan)
    affine = volume.affine.copy()
    affine[0, 3] += 0.5
    (tmp_path / "moved").mkdir()
    moved = hu.Volume.from_array(volume.array, affine=affine)
    hu.write(moved, tmp_path / "moved" / "ball.nii.gz")
    steps = pipeline(tmp_path, "steps", hu.Clip(low_hu=-1000, high_hu=1000))
    coarse = pipeline(tmp_path, "coarse", hu.Resample(spacing_mm=3.0))
    line("run", steps, scan, "-o", tmp_path / "a")
    line("run", steps, tmp_path / "moved", "-o", tmp_path / "b")
    line("run", coarse, scan, "-o", tmp_path / "c")
    data = compared(line, tmp_path / "a", tmp_path / "b")
    assert data["counts"]["different"] == 1
    (case,) = data["cases"]
    (image,) = case["parts"]
    assert image["grid"] == ["corners up to 0.5 mm from each other"]
    assert image["corner_mm"] == pytest.approx(0.5)
    assert image["values"]["share_different"] == 0
    assert case["record"]["source"]
    (case,) = compared(line, tmp_path / "a", tmp_path / "c")["cases"]
    (image,) = case["parts"]
    assert image["grid"][0] == "shape 24 x 20 x 12 and 16 x 14 x 12"
    assert image["corner_mm"] is None
    answer = line("diff", tmp_path / "a", tmp_path / "c")
    assert "spacing 2 x 2 x 3 and 3 x 3 x 3 mm" in answer.out
    assert "0 same, 1 different" in answer.lines[-1]


def test_cases_of_one_run_alone_and_other_results_are_listed(
    line: Line, scan: Path, tmp_path: Path
) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.nii.gz").write_bytes(scan.read_bytes())
    both = ["a", "b"], ["b", "c"]
    for names, out in zip(both, ("one", "other"), strict=True):
        paths = [tmp_path / f"{name}.nii.gz" for name in names]
        line("run", "isotropic-mip", *paths, "-o", tmp_path / out)
    data = compared(line, tmp_path / "one", tmp_path / "other")
    assert data["counts"] == {"same": 1, "different": 0, "only_in_first": 1, "only_in_second": 1}
    assert {case["id"]: case["only_in"] for case in data["cases"]} == {"a": "first", "c": "second"}
    (tmp_path / "b.nii.gz").write_bytes(b"broken")
    line("run", "isotropic-mip", tmp_path / "b.nii.gz", "-o", tmp_path / "other")
    cases = compared(line, tmp_path / "one", tmp_path / "other")["cases"]
    assert next(case["status"] for case in cases if case["id"] == "b") == ["done", "failed"]


def test_a_run_is_the_same_as_itself_and_slices_are_added_up(
    line: Line, scan: Path, tmp_path: Path
) -> None:
    split = pipeline(tmp_path, "split", hu.SplitSlices())
    shifted = pipeline(tmp_path, "shifted", hu.Clip(low_hu=-1000, high_hu=500), hu.SplitSlices())
    line("run", split, scan, "-o", tmp_path / "a")
    line("run", shifted, scan, "-o", tmp_path / "b")
    assert compared(line, tmp_path / "a", tmp_path / "a")["cases"] == []
    (case,) = compared(line, tmp_path / "a", tmp_path / "b")["cases"]
    (image,) = case["parts"]
    values = ball_scan().array.astype(float)
    assert image["values"]["voxels"] == values.size
    assert image["values"]["max_abs"] == (values - values.clip(-1000, 500)).max()


def test_an_image_that_cannot_be_read_is_a_difference(
    line: Line, scan: Path, tmp_path: Path
) -> None:
    for name, form in (("a", "nii.gz"), ("b", "nrrd")):
        line("run", "isotropic-mip", scan, "-o", tmp_path / name, "--format", form)
    (tmp_path / "b" / "cases" / "ball" / "image.nrrd").write_bytes(b"NRRD0004\n")
    (case,) = compared(line, tmp_path / "a", tmp_path / "b")["cases"]
    assert case["parts"][0]["error"]


def test_stored_values_are_rescaled(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(np.arange(24, dtype=np.int16).reshape(2, 3, 4), np.eye(4))
    image.header.set_slope_inter(0.5, -7.0)
    nibabel.save(image, tmp_path / "scaled.nii")
    wanted = np.asarray(nibabel.load(tmp_path / "scaled.nii").dataobj)
    found = np.concatenate(list(diff_values.open_values(tmp_path / "scaled.nii").slabs()), axis=2)
    assert np.array_equal(found, wanted)


def test_nan_is_equal_to_nan_alone() -> None:
    found = diff_values.ValueDifference()
    nan = float("nan")
    found.add(np.array([1.0, nan, nan, 2.0]), np.array([1.0, nan, 0.0, 5.0]))
    data = found.to_json()
    assert (data["share_different"], data["max_abs"]) == (0.5, 3.0)


def test_dice_of_a_label_in_one_map_alone_is_zero() -> None:
    overlap, bone = diff_values.Overlap(), ball_label(ball_scan()).array.astype(float)
    overlap.add(bone, np.zeros_like(bone))
    assert overlap.dice == {"1": 0.0}


@pytest.mark.parametrize("missing", [0, 1])
def test_a_folder_that_is_no_run_is_named(
    missing: int, line: Line, scan: Path, tmp_path: Path
) -> None:
    line("run", "isotropic-mip", scan, "-o", tmp_path / "a")
    words = [tmp_path / "a", tmp_path / "a"]
    words[missing] = tmp_path
    answer = line("diff", *words)
    assert (answer.status, len(answer.lines)) == (1, 1)
    assert "no manifest.db" in answer.err
