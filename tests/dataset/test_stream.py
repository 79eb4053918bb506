"""Streaming a case gives the same bytes within any budget, and no file for a corrupt source."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import hounsfield as hu
from hounsfield.dataset.case import CaseSource
from hounsfield.dataset.memory import check_memory, parse_bytes
from hounsfield.dataset.run_case import run_case
from hounsfield.dataset.run_config import RunConfig

MEMORY = """
import sys
from pathlib import Path
import hounsfield as hu
from hounsfield.dataset.run_config import RunConfig
from hounsfield.dataset.run_case import run_case
from hounsfield.dataset.case import CaseSource
job = RunConfig(
    pipeline=hu.preset("isotropic-mip"), out=Path(sys.argv[2]), memory_bytes=int(sys.argv[3])
)
outcome = run_case(job, CaseSource(id="case", path=Path(sys.argv[1])))
assert outcome.status == "done", outcome
status = Path("/proc/self/status").read_text()
peak = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
print(int(peak.split()[1]) * 1024)
"""


def scan(path: Path, *, slices: int = 90) -> Path:
    """A compressed body in air, large enough to be inflated in pieces (over 16 MB of voxels)."""
    i, j = np.meshgrid(np.arange(320), np.arange(320), indexing="ij")
    plane = np.where((i - 160) ** 2 + (j - 160) ** 2 < 120**2, 40, -1000)
    noise = np.random.default_rng(0).integers(-20, 20, (320, 320, slices))
    volume = hu.Volume.from_array(
        (plane[..., None] + noise).astype(np.int16), affine=np.diag([-0.7, -0.7, 1.0, 1.0])
    )
    hu.write(volume, path)
    return path


def run(
    source: Path,
    out: Path,
    *,
    memory_bytes: int | None = None,
    preset: str = "isotropic-mip",
    format: str = "nii.gz",
) -> Path:
    job = RunConfig(pipeline=hu.preset(preset), out=out, memory_bytes=memory_bytes, format=format)
    outcome = run_case(job, CaseSource(id="case", path=source))
    assert outcome.status == "done", outcome.message
    return out / "cases" / "case"


@pytest.mark.parametrize("format", ["nii.gz", "nii", "npy"])
def test_a_stream_writes_the_bytes_that_a_whole_run_writes(tmp_path: Path, format: str) -> None:
    source = scan(tmp_path / "scan.nii.gz")
    streamed = run(source, tmp_path / "out", memory_bytes=1, format=format)
    hu.write(hu.preset("isotropic-mip").run(hu.read(source)).volume, tmp_path / f"whole.{format}")
    assert (streamed / f"image.{format}").read_bytes() == (
        tmp_path / f"whole.{format}"
    ).read_bytes()


def test_every_output_is_the_same_within_any_budget(tmp_path: Path) -> None:
    source = scan(tmp_path / "scan.nii.gz")
    small, large = run(source, tmp_path / "small", memory_bytes=1), run(source, tmp_path / "large")
    for name in ("image.nii.gz", "preview.png"):
        assert (small / name).read_bytes() == (large / name).read_bytes()


@pytest.mark.parametrize("damage", ["cut", "checksum"])
def test_a_corrupt_end_leaves_nothing(tmp_path: Path, damage: str) -> None:
    data = bytearray(scan(tmp_path / "scan.nii.gz").read_bytes())
    if damage == "cut":
        del data[-1000:]
    else:
        data[-6] ^= 1
    (tmp_path / "scan.nii.gz").write_bytes(bytes(data))
    job = RunConfig(pipeline=hu.preset("isotropic-mip"), out=tmp_path / "out")
    outcome = run_case(job, CaseSource(id="case", path=tmp_path / "scan.nii.gz"))
    assert outcome.status == "failed"
    assert "corrupt or truncated" in outcome.message
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()]


def test_what_does_not_fit_is_refused_before_it_is_read() -> None:
    with pytest.raises(hu.RefusedError, match="--memory"):
        check_memory(10**9, 10**8)
    assert parse_bytes("2g") == 2 << 30
    with pytest.raises(ValueError, match="lots"):
        parse_bytes("lots")


@pytest.mark.slow
def test_peak_memory_does_not_grow_with_the_scan(tmp_path: Path) -> None:
    peaks = []
    for slices in (500, 1000):
        source = scan(tmp_path / f"{slices}.nii.gz", slices=slices)
        command = [
            sys.executable,
            "-c",
            MEMORY,
            str(source),
            str(tmp_path / f"out-{slices}"),
            str(300 << 20),
        ]
        peaks.append(
            int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        )
    assert peaks[1] < 300 << 20
    assert peaks[1] - peaks[0] < 24 << 20, peaks


def test_slices_that_are_turned_stream_through_a_file_to_the_same_bytes(tmp_path: Path) -> None:
    source = scan(tmp_path / "scan.nii.gz")
    pipeline = hu.Pipeline([hu.Reorient("PSR"), hu.Resample(spacing_mm=2)])
    assert pipeline.plan(hu.open(source)).passes[0].permutes_slices
    job = RunConfig(pipeline=pipeline, out=tmp_path / "out", memory_bytes=1)
    assert run_case(job, CaseSource(id="case", path=source)).status == "done"
    hu.write(pipeline.run(hu.read(source)).volume, tmp_path / "whole.nii.gz")
    assert (tmp_path / "out/cases/case/image.nii.gz").read_bytes() == (
        tmp_path / "whole.nii.gz"
    ).read_bytes()


def test_values_beyond_int16_come_out_of_a_run_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pydicom

    from hounsfield.phantom import Faults, grid_about, head, write_series

    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    phantom = head(grid_about((0, -14, 10), shape=(40, 40, 6), spacing_mm=(6, 6, 8)), noise_hu=0)
    series = write_series(phantom, tmp_path / "scan", faults=Faults(padding="none"))
    for file in series.files:  # as an implant is stored on the extended scale
        data = pydicom.dcmread(file)
        data.PixelRepresentation, data.BitsStored, data.HighBit, data.RescaleIntercept = (
            0,
            16,
            15,
            -1024,
        )
        pixels = np.full((data.Rows, data.Columns), 1064, dtype=np.uint16)
        pixels[5, 5] = 60000
        data.PixelData = pixels.tobytes()
        data.save_as(file)
    pipeline = hu.Pipeline([hu.CropOrPad(shape=(44, 44, 6))])
    done = pipeline.run(hu.open(series.folder)).volume
    assert (done.spec.dtype, done.array.max()) == (np.float32, 60000 - 1024)
    job = RunConfig(pipeline=pipeline, out=tmp_path / "out")
    assert run_case(job, CaseSource(id="case", path=series.folder)).status == "done"
    assert hu.read(tmp_path / "out/cases/case/image.nii.gz").array.max() == 60000 - 1024
