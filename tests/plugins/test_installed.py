"""The package in examples/plugin, installed by pip into its own folder, works by its name."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import hounsfield as hu

PLUGIN = Path(__file__).resolve().parents[2] / "examples" / "plugin"

TOML = """schema = 1
[[steps]]
step = "Recalibrate"
water_hu = 6
air_hu = -985
[[steps]]
step = "Resample"
spacing_mm = 1.5
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which pip has installed the package, without a network."""
    target = tmp_path_factory.mktemp("site")
    flags = ["--no-deps", "--no-index", "--no-build-isolation", "--disable-pip-version-check"]
    pip = [sys.executable, "-m", "pip", "install", "-q", *flags, "--target", str(target)]
    done = subprocess.run([*pip, str(PLUGIN)], capture_output=True, text=True)
    if "No module named pip" in done.stderr:
        pytest.skip("pip is missing: the example of a plug-in cannot be installed")
    assert done.returncode == 0, done.stderr
    return target


@pytest.fixture
def run(site: Path, tmp_path: Path):
    """A function that runs Python with the package installed, in the test's own folder."""

    def call(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *words],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(site), "PYTHONWARNINGS": "error"},
            capture_output=True,
            text=True,
        )

    return call


@pytest.fixture
def scan(tmp_path: Path) -> hu.Volume:
    """A volume, written as scan.rawct by hand, and pipeline.toml beside it."""
    array = np.random.default_rng(3).integers(-1000, 1500, (12, 10, 8)).astype("<i2")
    affine = np.diag([-0.8, -0.8, 2.0, 1.0])
    rows = " ".join(map(str, affine[:3].ravel()))
    header = f"RAWCT 1\nshape 12 10 8\ndtype int16\nquantity hu\naffine {rows}\nvoxels\n"
    (tmp_path / "scan.rawct").write_bytes(header.encode() + array.tobytes(order="F"))
    (tmp_path / "pipeline.toml").write_text(TOML)
    return hu.Volume.from_array(np.asfortranarray(array.astype(np.int16)), affine=affine)


def test_the_step_goes_through_toml_plan_run_and_record(run, scan, tmp_path: Path) -> None:
    done = run(
        "-c",
        """
import hounsfield as hu
from pathlib import Path
from hounsfield.steps.registry import step_class, step_names
assert "Recalibrate" in step_names()
line = hu.Pipeline.load("pipeline.toml")
assert line.steps[0] == step_class("Recalibrate")(water_hu=6, air_hu=-985)
again = hu.Pipeline.parse(__import__("tomllib").loads(line.to_toml()))
assert again == line
scan = hu.read("scan.rawct")
plan = line.plan(scan)
print(plan)
made = line.run(scan)
Path("record.json").write_text(made.record.to_text())
replayed = hu.Pipeline.load("record.json").run(scan)
assert (replayed.volume.array == made.volume.array).all()
hu.write(made.volume, "made.npy")
print("passes", len(plan.passes))
""",
    )
    assert done.returncode == 0, done.stderr
    assert "passes 1" in done.stdout
    slope = 1000 / 991
    line = hu.Volume.from_array((scan.array - 6) * np.float32(slope), affine=scan.grid.affine)
    wanted = hu.Pipeline([hu.Resample(spacing_mm=1.5)]).run(line).volume
    found = hu.read(tmp_path / "made.npy")
    assert np.abs(found.array - wanted.array).max() < 1e-2
    assert json.loads((tmp_path / "record.json").read_text())["steps"][0]["step"] == "Recalibrate"


def test_the_command_line_runs_and_converts(run, scan, tmp_path: Path) -> None:
    for words in (
        ["run", "pipeline.toml", "scan.rawct", "-o", "out"],
        ["run", "pipeline.toml", ".", "-o", "folder", "--format", "rawct"],
        ["run", "out/cases/scan/record.json", "scan.rawct", "-o", "again"],
        ["convert", "scan.rawct", "b.nii.gz"],
        ["convert", "b.nii.gz", "c.rawct"],
        ["inspect", "scan.rawct"],
        ["plan", "pipeline.toml", "scan.rawct"],
    ):
        done = run("-m", "hounsfield", *words)
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    case = Path("cases", "scan")
    images = [tmp_path / out / case / "image.nii.gz" for out in ("out", "again")]
    assert images[0].read_bytes() == images[1].read_bytes()
    assert (tmp_path / "folder" / case / "image.rawct").is_file()
    assert np.array_equal(hu.read(tmp_path / "b.nii.gz").array, scan.array)
    assert (tmp_path / "c.rawct").read_bytes()[-1920:] == scan.array.tobytes(order="F")


def test_the_package_passes_its_own_tests(run) -> None:
    done = run("-m", "pytest", "-q", "-p", "no:cacheprovider", str(PLUGIN / "tests"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "skipped" not in done.stdout
