"""Times of resampling labels, beside the image's, nearest of SimpleITK and scipy.

python benchmarks/labels.py [--small]
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import hounsfield as hu
from hounsfield.core.grid import Grid

SHAPE, SPACING_MM = (512, 512, 300), (0.488, 0.488, 1.25)
REPEATS = 5


def ellipsoids(shape: tuple[int, ...], count: int) -> np.ndarray:
    """A label of `count` values: background, and ellipsoids of 40 to 120 voxels."""
    rng = np.random.default_rng(count)
    label = np.zeros(shape, np.uint8, order="F")
    for value in range(1, count):
        middle = rng.uniform(0, 1, 3) * shape
        radius = np.minimum(rng.uniform(20, 60, 3), np.array(shape) / 3)
        box = tuple(
            slice(max(0, int(m - r)), min(size, int(m + r) + 1))
            for m, r, size in zip(middle, radius, shape, strict=True)
        )
        index = np.ogrid[box]
        away = sum(((x - m) / r) ** 2 for x, m, r in zip(index, middle, radius, strict=True))
        label[box][away < 1] = value
    return label


def best_s(work: Callable[[], Any]) -> float:
    """The shortest time of several, in seconds."""
    times = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times)


def peers(label: hu.Volume, grid: Grid) -> dict[str, Callable[[], Any]]:
    """Nearest neighbour of SimpleITK and scipy, of labels in the form that each takes."""
    import SimpleITK
    from scipy.ndimage import affine_transform

    image, empty = (
        label.to_sitk(),
        hu.Volume.from_array(np.zeros(grid.shape, np.uint8), affine=grid.affine),
    )
    reference = empty.to_sitk()
    relation = np.linalg.inv(label.grid.affine) @ grid.affine
    return {
        "SimpleITK nearest": lambda: SimpleITK.Resample(
            image, reference, SimpleITK.Transform(), SimpleITK.sitkNearestNeighbor
        ),
        "scipy nearest": lambda: affine_transform(
            label.array, relation[:3, :3], relation[:3, 3], output_shape=grid.shape, order=0
        ),
    }


def main() -> None:
    """Print a table: seconds, and the ratio to the time of the image by linear interpolation."""
    shape = (128, 128, 60) if "--small" in sys.argv else SHAPE
    affine = np.diag([-SPACING_MM[0], -SPACING_MM[1], SPACING_MM[2], 1.0])
    noise = np.random.default_rng(0).integers(-1000, 1000, shape).astype(np.int16, order="F")
    image = hu.Volume.from_array(noise, affine=affine)
    print("| target, mm | what | s | of the image's |\n|---|---|---|---|")
    for spacing_mm in (1.0, 0.7):
        grid = image.grid.resampled(spacing_mm=(spacing_mm,) * 3)
        rows = {"image, linear": lambda grid=grid: hu.regrid(image, grid)}
        for count in (2, 27, 100):
            label = hu.Volume.from_array(ellipsoids(shape, count), affine=affine, quantity="label")
            rows[f"{count} values"] = lambda label=label, grid=grid: hu.regrid(label, grid)
        rows |= peers(label, grid)
        seconds = {name: best_s(work) for name, work in rows.items()}
        for name, took in seconds.items():
            ratio = took / seconds["image, linear"]
            print(f"| {spacing_mm} | {name} | {took:.3f} | {ratio:.2f} |", flush=True)


if __name__ == "__main__":
    main()
