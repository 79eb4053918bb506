"""A batch of 60 DICOM series to NIfTI, beside the batches of imgtools and TorchIO, in one run.

    python benchmarks/cohort.py [--cases 60] [--workers 2] [--repeats 3]

Every contender is a whole command, in turn. The work is the same: find the series, read them, write
one .nii.gz of HU each; the results are compared voxel by voxel. hounsfield also writes a preview, a
record and the sha256 of sources and outputs, and skips what is done when it is run again. imgtools
is the package med-imagetools; TorchIO has no runner, so that its images are mapped over a pool of
processes.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import SimpleITK as sitk

PIPELINE = '[[steps]]\nstep = "Reorient"\nto = "LPS"\n'

TORCHIO = """
import sys
from multiprocessing import Pool
from pathlib import Path
import torch, torchio

def convert(case):
    torch.set_num_threads(1)
    source, target = case
    torchio.ScalarImage(source).save(target)

if __name__ == "__main__":
    scans, out, workers = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    out.mkdir()
    cases = [(each, out / f"{each.name}.nii.gz") for each in sorted(scans.iterdir())]
    with Pool(workers) as pool:
        pool.map(convert, cases, chunksize=1)
"""


def make(folder: Path, count: int, shape: tuple[int, int, int]) -> None:
    """Write series of a head phantom, each with noise of its own."""
    from hounsfield import Volume
    from hounsfield.phantom import Faults, grid_about, head, write_series

    spacing = tuple(float(mm) for mm in np.array([240.0, 250.0, 200.0]) / shape)
    clean = head(grid_about((0, -4, 10), shape=shape, spacing_mm=spacing)).image
    for n in range(count):
        noise = np.random.default_rng(n).integers(-6, 7, clean.shape)
        values = (np.asarray(clean.array) + noise).astype(np.int16)
        source = Volume.from_array(values, affine=clean.affine)
        made = write_series(source, folder / f"case{n:03d}", faults=Faults(padding="none"), seed=n)
        for path in made.files:  # imgtools finds DICOM by this suffix alone
            path.rename(path.with_suffix(".dcm"))


def commands(scans: Path, out: Path, workers: int, script: Path) -> dict[str, list[str]]:
    """The command of each contender."""
    here = Path(sys.executable).parent
    pipeline = script.with_name("convert.toml")
    pipeline.write_text(PIPELINE)
    return {
        "hounsfield": [
            *(str(here / "hounsfield"), "run", str(pipeline), str(scans), "-o", str(out), "-q"),
            *("--no-linkage", "--ids", "stem", "-j", str(workers)),
        ],
        "imgtools": [
            *(str(here / "imgtools"), "autopipeline", str(scans), str(out), "--modalities", "CT"),
            *("--jobs", str(workers), "--existing-file-mode", "overwrite", "--update-crawl"),
        ],
        "torchio": [sys.executable, str(script), str(scans), str(out), str(workers)],
    }


def same(ours: Path, theirs: Path, count: int) -> int:
    """How many results have the voxels of ours at the same places in the world."""
    wanted = {digest(path) for path in ours.glob("cases/*/image.nii.gz")}
    found = {digest(path) for path in theirs.rglob("*.nii.gz")}
    return len(wanted & found) if len(wanted) == count else -1


def digest(path: Path) -> int:
    """A number of the values in one orientation and of the position of the grid."""
    image = sitk.DICOMOrient(sitk.ReadImage(str(path)), "LPS")
    place = tuple(np.round([*image.GetOrigin(), *image.GetSpacing()], 2) + 0.0)
    values = np.rint(sitk.GetArrayFromImage(image)).astype(np.int32)
    return hash((place, values.shape, values.tobytes()))


def main() -> None:
    """Run every contender in turn and print the ratios."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=60)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        make(work / "scans", options.cases, (256, 256, 40))
        script = work / "torchio_batch.py"
        script.write_text(TORCHIO)
        times: dict[str, list[float]] = {}
        for _ in range(options.repeats):
            for kind in commands(work, work, 1, script):
                out = work / f"out-{kind}"
                shutil.rmtree(out, ignore_errors=True)
                command = commands(work / "scans", out, options.workers, script)[kind]
                start = time.perf_counter()
                done = subprocess.run(command, capture_output=True, text=True, check=False)
                times.setdefault(kind, []).append(time.perf_counter() - start)
                if done.returncode:
                    print(kind, done.stderr.strip().splitlines()[-1:])
        middle = {kind: statistics.median(each) for kind, each in times.items()}
        rows = {
            kind: {
                "seconds": round(seconds, 2),
                "ratio": round(seconds / middle["hounsfield"], 2),
                "same": same(work / "out-hounsfield", work / f"out-{kind}", options.cases),
            }
            for kind, seconds in middle.items()
        }
        print(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
