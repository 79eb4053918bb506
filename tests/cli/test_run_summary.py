"""`hounsfield run`: the summary, another pipeline in OUT, time limits, targets outside the scan."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import hounsfield as hu
from tests.cli.conftest import Line


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test writes a linkage file of the user who runs it."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def test_another_pipeline_in_the_output_folder_is_2_and_overwrite_replaces_it(
    line: Line, scan: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert line("run", "isotropic-mip", scan, "-o", out).status == 0
    for more in (["--set", "Resample.spacing_mm=2"], ["--format", "nrrd"], ["--dtype", "float64"]):
        answer = line("run", "isotropic-mip", scan, "-o", out, *more, "--json")
        assert answer.status == 2
        error = answer.events[-1]["error"]
        assert error["code"] == "OTHER_PIPELINE"
        assert "use another folder, or --overwrite" in error["message"]
    assert (
        line("run", "isotropic-mip", scan, "-o", out, "--format", "nrrd", "--overwrite").status == 0
    )
    assert (out / "cases" / "ball" / "image.nrrd").is_file()


def test_a_stale_case_is_a_warning_and_counted(line: Line, scan: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.nii.gz"
    other.write_bytes(scan.read_bytes())
    assert line("run", "isotropic-mip", scan, other, "-o", tmp_path / "out").status == 0
    answer = line("run", "isotropic-mip", scan, "-o", tmp_path / "out", "--json")
    assert answer.status == 0
    assert answer.summary["counts"]["stale"] == 1
    assert "warning: other: its source is not among the sources" in answer.err
    assert "0 done, 1 up to date, 0 failed, 1 stale" in answer.lines[-1]


def test_cases_with_warnings_are_counted_with_their_codes(
    line: Line, scan: Path, tmp_path: Path
) -> None:
    marks = np.zeros((4, 4, 4), np.uint8)
    marks[0, 0, 0] = 1
    grid = hu.open(scan).grid
    corner = hu.Volume.from_array(
        marks, affine=grid.boxed((-2, -2, -2), (4, 4, 4)).affine, quantity="label"
    )
    hu.write(corner, tmp_path / "label.nii.gz")
    command = ["run", "isotropic-mip", scan, "-o", tmp_path / "out"]
    command += ["--label", tmp_path / "label.nii.gz", "--json"]
    for _ in range(2):
        answer = line(*command)
        assert answer.status == 0
        data = answer.summary
        assert data["counts"]["warned"] == 1
        assert "REGRIDDED" in data["cases"][0]["warnings"]
        assert "(1 with warnings)" in answer.lines[-1]
        assert "REGRIDDED (1)" in answer.lines[-1]


@pytest.mark.parametrize("which", ["first", "second"])
def test_quiet_prints_the_warnings_of_cases_that_were_run_and_that_are_up_to_date(
    which: str, line: Line, tmp_path: Path
) -> None:
    doubtful = tmp_path / "doubtful.nrrd"
    values = np.random.default_rng(0).integers(0, 256, (16, 16, 16)).astype(np.int16)
    hu.write(hu.Volume.from_array(values, affine=np.diag([1, 1, 2, 1])), doubtful)
    command = ["run", "isotropic-mip", doubtful, "-o", tmp_path / "out", "-q"]
    if which == "second":
        line(*command)
    answer = line(*command)
    assert answer.status == 0
    [found] = answer.err.splitlines()
    assert found.startswith(f"warning: {doubtful}: values from 0 to 255 may not be HU")


def test_a_time_limit_must_be_positive(line: Line, scan: Path, tmp_path: Path) -> None:
    for limit in ("-1", "0", "nan", "inf", "soon"):
        answer = line("run", "isotropic-mip", scan, "-o", tmp_path / "out", "--timeout", limit)
        assert (answer.status, len(answer.lines)) == (2, 1)
    assert not (tmp_path / "out").exists()


def test_a_target_outside_the_scan_is_refused(line: Line, scan: Path, tmp_path: Path) -> None:
    volume = hu.read(scan)
    affine = volume.grid.affine.copy()
    affine[0, 3] += 500
    hu.write(hu.Volume.from_array(volume.array, affine=affine), tmp_path / "far.nii.gz")
    out = tmp_path / "converted.nii.gz"
    answer = line("convert", scan, out, "--like", tmp_path / "far.nii.gz")
    assert answer.status == 1
    assert "does not overlap the source" in answer.err
    assert "mm away" in answer.err
    assert not out.exists()
    pipeline = tmp_path / "crop.toml"
    pipeline.write_text(hu.Pipeline([hu.Box(start=(200, 0, 0), shape=(4, 4, 4))]).to_toml())
    assert line("plan", pipeline, scan).status == 2


def test_a_dtype_that_does_not_exist_is_2(line: Line, scan: Path, tmp_path: Path) -> None:
    for name in ("int17", "016"):
        answer = line("convert", scan, tmp_path / "out.nii.gz", "--dtype", name)
        assert (answer.status, len(answer.lines)) == (2, 1)
        assert f"'{name}' is not a dtype of voxels" in answer.err
