"""What the runner costs beside the bare pipeline, and what a second worker brings, in one run.

    python benchmarks/runner.py [--repeats 3]

Overhead: `hu.run` with one worker in this process, beside open, run and write of the same volumes
and masks, on tiny cases (ms of each) and on cases of a second (ratio of times). The runner also
plans, hashes, measures the quality, draws a preview, and writes a record and the manifest.
Throughput: the time of one worker over that of two, each with one thread. Measure on a machine
without other work.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

import hounsfield as hu
from hounsfield.phantom import grid_about, head, write_series

TINY, LARGE = (24, 24, 8), (512, 512, 300)


def scan(shape: tuple[int, int, int]) -> hu.Volume:
    """A head of the phantom."""
    spacing = tuple(float(mm) for mm in np.array([240.0, 250.0, 200.0]) / shape)
    return head(grid_about((0, -4, 10), shape=shape, spacing_mm=spacing), noise_hu=3).image


def seconds(work: Callable[[Path], None], repeats: int, folder: Path) -> list[float]:
    """The times of some repeats, each into a new folder."""
    taken = []
    for n in range(repeats):
        out = folder / f"out{n}"
        start = time.perf_counter()
        work(out)
        taken.append(time.perf_counter() - start)
        shutil.rmtree(out)
    return taken


def overhead(folder: Path, pipeline: hu.Pipeline, repeats: int) -> tuple[float, float]:
    """Seconds for a case, bare and by the runner, in turn."""
    sources = sorted(folder.glob("scans/*"))

    def bare(out: Path) -> None:
        out.mkdir()
        for n, source in enumerate(sources):
            made = pipeline.run(hu.open(source))
            hu.write(made.volume, out / f"{n}.nii.gz")
            for name, mask in made.masks.items():
                hu.write(mask, out / f"{n}-{name}.nii.gz")

    def by_runner(out: Path) -> None:
        hu.run(pipeline, [str(each) for each in sources], out, workers=1, linkage=False)

    times: dict[str, list[float]] = {"bare": [], "runner": []}
    for _ in range(repeats):
        times["bare"] += seconds(bare, 1, folder)
        times["runner"] += seconds(by_runner, 1, folder)
    each = {name: statistics.median(values) / len(sources) for name, values in times.items()}
    return each["bare"], each["runner"]


def throughput(folder: Path, repeats: int) -> float:
    """The time of a run with one worker over that with two, each case with one thread."""
    sources = [str(each) for each in sorted(folder.glob("scans/*"))]
    taken: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(repeats):
        for workers in taken:
            out = folder / "out"
            command = [sys.executable, "-m", "hounsfield", "run", "isotropic-mip", *sources]
            command += ["-o", str(out), "-q", "--no-linkage", "-j", str(workers)]
            start = time.perf_counter()
            environment = {**os.environ, "HOUNSFIELD_THREADS": str(workers)}
            subprocess.run(command, check=True, env=environment)
            taken[workers].append(time.perf_counter() - start)
            shutil.rmtree(out)
    return statistics.median(taken[1]) / statistics.median(taken[2])


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=3)
    repeats = parser.parse_args().repeats
    warnings.simplefilter("ignore")
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        tiny, large = Path(name) / "tiny", Path(name) / "large"
        (tiny / "scans").mkdir(parents=True)
        small = scan(TINY)
        for n in range(100):
            hu.write(small, tiny / "scans" / f"case{n}.nii.gz")
        (large / "scans").mkdir(parents=True)
        whole = scan(LARGE)
        for n in range(4):
            write_series(whole, large / "scans" / f"case{n}", seed=n)
        steps = hu.Pipeline([hu.Reorient(to="RAS"), hu.Clip(low_hu=-100, high_hu=100)])
        bare, run = overhead(tiny, steps, repeats)
        found |= {"tiny bare ms": bare * 1e3, "tiny overhead ms": (run - bare) * 1e3}
        bare, run = overhead(large, hu.preset("head"), repeats)
        found |= {"large bare s": bare, "large ratio": run / bare}
        found["two workers over one"] = throughput(large, repeats)
    print(json.dumps({key: round(value, 3) for key, value in found.items()}, indent=1))


if __name__ == "__main__":
    main()
