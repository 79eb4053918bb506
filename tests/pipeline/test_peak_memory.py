"""What `plan` says of memory is what a run needs: every step in a process of its own, measured."""

from __future__ import annotations

import subprocess
import sys

import pytest

from hounsfield.steps.registry import step_names

MEASURE = '''
import sys
import numpy as np
import hounsfield as hu
import scipy.ndimage

def status(key):
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(key))

def head(size, count):
    """An ellipsoid of brain, bone and skin with noise, and labels on its grid."""
    line = np.linspace(-1, 1, size, dtype=np.float32)
    array = np.empty((size, size, size), np.int16, order="F")
    rng = np.random.default_rng(0)
    for k in range(size):
        r = line[:, None] ** 2 / 0.55 + line[None, :] ** 2 / 0.7 + line[k] ** 2 / 0.7
        plane = np.where(r < 0.8, 40, np.where(r < 0.9, 900, np.where(r < 1, 30, -1000)))
        if "LungMask" in sys.argv[1]:
            plane = np.where((r < 0.5) & (abs(line[:, None]) > 0.1), -850, plane)
        array[:, :, k] = plane + rng.integers(-20, 20, (size, size))
    affine = np.diag([-200 / size, -200 / size, 200 / size, 1.0])
    ct = hu.Volume.from_array(array, affine=affine)
    labels = {}
    for n in range(count):
        values = np.zeros(array.shape, np.uint8, order="F")
        values[size // 4 : size // 2, size // 4 : size // 2, n * size // 8 :] = 1 + n
        labels[f"label{n}"] = hu.Volume.from_array(values, affine=affine, quantity="label")
    return ct, labels

def turned(grid, spacing_mm):
    """A grid rotated by 10 degrees about the first voxel."""
    target = grid.resampled(spacing_mm=(spacing_mm,) * 3)
    turn = np.eye(4)
    a = np.radians(10)
    turn[:2, :2] = [[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]]
    return hu.Grid(target.shape, turn @ target.affine)

def run(size):
    ct, labels = head(size, int(sys.argv[2]))
    pipeline = hu.Pipeline(eval(sys.argv[1], {"hu": hu, "turned": turned, "grid": ct.grid}))
    pipeline.run(ct, labels=labels)
    return pipeline.plan(ct).peak_bytes_with(labels=len(labels))

run(40)
before = status("VmRSS")
open("/proc/self/clear_refs", "w").write("5")
planned = run(240)
print(planned, status("VmHWM") - before)
'''

WINDOWS = 'hu.Windows(names=("brain", "bone", "subdural"))'
CASES = [
    (0, "hu.Reorient('RAS')"),
    (2, "hu.Reorient('SAR')"),
    (0, "hu.Clip(low_hu=-100, high_hu=900)"),
    (0, "hu.MapRange(from_low=-100, from_high=900)"),
    (0, "hu.Standardize(mean_hu=0, std_hu=100)"),
    (0, "hu.Window(name='brain')"),
    (0, "hu.Window(name='brain', function='sigmoid')"),
    (0, WINDOWS),
    (0, f"{WINDOWS}, hu.Resample(spacing_mm=1)"),
    (0, f"{WINDOWS}, hu.Resample(like=turned(grid, 0.9))"),
    (2, "hu.Resample(spacing_mm=1)"),
    (1, "hu.Resample(spacing_mm=0.65, method='cubic')"),
    (1, "hu.Reorient('SAR'), hu.Resample(spacing_mm=0.65)"),
    (1, "hu.Resample(like=turned(grid, 0.8))"),
    (0, "hu.Resample(like=turned(grid, 1.6))"),
    (1, "hu.Box(start=(-10, -10, -10), shape=(260, 260, 260))"),
    (0, "hu.CropOrPad(shape=(260, 200, 260))"),
    (0, "hu.CropToBox(start_mm=(-195, -195, 5), stop_mm=(-5, -5, 190))"),
    (2, "hu.Slab(statistic='max', slices=20)"),
    (1, "hu.Slab(statistic='mean', slices=20)"),
    (1, "hu.Slab(statistic='mean', slices=20, plane='coronal')"),
    (0, "hu.Slab(statistic='max', slices=20, plane='sagittal')"),
    (0, "hu.SplitSlices()"),
    (0, "hu.Denoise(method='median', radius_mm=0.9)"),
    (0, "hu.Denoise(method='gaussian', sigma_mm=1)"),
    (0, "hu.BodyMask()"),
    (0, "hu.HeadMask()"),
    (0, "hu.BrainMask(empty='keep')"),
    (0, "hu.LungMask()"),
    (0, "hu.LungMask(masks='lung')"),
    (0, "hu.HeadMask(), hu.FillOutside(mask='head')"),
    (0, "hu.HeadMask(), hu.CropToMask(mask='head', margin_mm=60), hu.Resample(spacing_mm=1)"),
    (
        1,
        "hu.Clip(low_hu=-99, high_hu=900), hu.Denoise(method='gaussian', sigma_mm=1), "
        "hu.Resample(spacing_mm=1), hu.Window(name='brain', function='sigmoid')",
    ),
]
RESOLVED = {"EndPass", "FixedMask", "FixedMasks"}
"""Steps of records: what the others are resolved to."""


def test_every_step_is_measured() -> None:
    used = " ".join(steps for _, steps in CASES)
    assert {name for name in step_names() if f"hu.{name}(" not in used} <= RESOLVED


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
@pytest.mark.parametrize(("labels", "steps"), CASES)
def test_the_plan_holds_the_measured_peak(labels: int, steps: str) -> None:
    command = [sys.executable, "-c", MEASURE, f"[{steps}]", str(labels)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    planned, peak = map(int, done.stdout.split())
    assert 0.9 * peak <= planned <= 2.5 * peak
