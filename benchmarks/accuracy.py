"""HU error of every resampling method, ours and peers', against a head whose truth is exact.

    python benchmarks/accuracy.py [--quick]

Sources and truths are cell averages and point samples, under three scanner blurs. Axes become
coarser and finer. Slices are as thick as their distance, thicker or thinner. Writes
benchmarks/accuracy.md; `--quick` measures only the sources without blur.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from truth import (
    BLOCKS_RAS_MM,
    WORKS,
    Floats,
    Sampling,
    Work,
    scan,
    source_grid,
    target_grid,
    truth,
)

import hounsfield as hu
from hounsfield.core.grid import Grid
from hounsfield.resampling.axes import Method

BLURS_MM = (0.0, 0.5, 1.0)
KINDS: tuple[Sampling, Sampling] = ("average", "point")
PAIRS = [(source, wanted) for wanted in KINDS for source in KINDS]
OUT = Path(__file__).parent / "accuracy.md"


def ours(values: Floats, source: Grid, target: Grid, *, across: Method, along: Method) -> Floats:
    """Resample, with one method in plane and perhaps another along k (then in two runs)."""
    volume = hu.Volume.from_array(values, affine=source.affine)
    grids = [target] if across == along else [_mixed(target, source), target]
    for grid, method in zip(grids, (across, along), strict=False):
        volume = hu.Pipeline((hu.Resample(like=grid, method=method),)).run(volume).volume
    return volume.array


def _mixed(across: Grid, along: Grid) -> Grid:
    """The in-plane lattice of one grid with the slices of another (both upright)."""
    affine = across.affine.copy()
    affine[2] = along.affine[2]
    return Grid((*across.shape[:2], along.shape[2]), affine)


def by_simpleitk(values: Floats, source: Grid, target: Grid, *, order: int) -> Floats:
    """SimpleITK's Resample, linear or cubic B-spline (linear as in MONAI and TorchIO)."""
    import SimpleITK as sitk

    def image(array: Floats, grid: Grid) -> Any:
        return hu.Volume.from_array(array, affine=grid.affine).to_sitk()

    like = image(np.zeros(target.shape, np.float32), target)
    kind = sitk.sitkLinear if order == 1 else sitk.sitkBSpline
    made = sitk.Resample(image(values, source), like, sitk.Transform(), kind, -1024.0)
    return np.asarray(sitk.GetArrayFromImage(made)).T


def by_scipy(values: Floats, source: Grid, target: Grid, *, order: int) -> Floats:
    """scipy.ndimage at the same points, order 1 or 3 (nnU-Net resamples images by order 3)."""
    from scipy.ndimage import affine_transform

    move = np.linalg.inv(source.affine) @ target.affine
    out: Floats = affine_transform(
        values,
        np.diag(move)[:3],
        move[:3, 3],
        output_shape=target.shape,
        order=order,
        mode="nearest",
    )
    return out


METHODS: dict[str, Callable[[Floats, Grid, Grid], Floats]] = {
    **{
        name: partial(ours, across=name, along=name)
        for name in ("auto", "nearest", "linear", "area", "conservative", "cubic")
    },
    "conservative, linear along k": lambda v, s, t: ours(
        v, s, t, across="conservative", along="linear"
    ),
    "conservative, cubic along k": lambda v, s, t: ours(
        v, s, t, across="conservative", along="cubic"
    ),
    "conservative, area along k": lambda v, s, t: ours(
        v, s, t, across="conservative", along="area"
    ),
    "area, linear along k": lambda v, s, t: ours(v, s, t, across="area", along="linear"),
    "SimpleITK linear": lambda v, s, t: by_simpleitk(v, s, t, order=1),
    "SimpleITK cubic B-spline": lambda v, s, t: by_simpleitk(v, s, t, order=3),
    "scipy order 1": lambda v, s, t: by_scipy(v, s, t, order=1),
    "scipy order 3": lambda v, s, t: by_scipy(v, s, t, order=3),
}


def errors(
    block: str, work: Work, blur_mm: float
) -> dict[tuple[str, str, str], tuple[float, float, int]]:
    """Sums of squares and of magnitudes, and counts of the head's voxels, per method and pair."""
    source, target = source_grid(block, work), target_grid(block, work)
    sources = {kind: scan(block, work, sampling=kind, blur_mm=blur_mm) for kind in KINDS}
    truths = {kind: truth(block, work, sampling=kind, blur_mm=blur_mm) for kind in KINDS}
    result = {}
    for method, (kind, values) in product(METHODS, sources.items()):
        made = METHODS[method](values, source, target)
        for wanted, (exact, mask) in truths.items():
            off = (made - exact)[mask].astype(np.float64)
            result[method, kind, wanted] = (
                float((off**2).sum()),
                float(np.abs(off).sum()),
                off.size,
            )
    return result


Row = tuple[float, float]


def gathered(
    work: Work, blur_mm: float, pool: ProcessPoolExecutor
) -> dict[tuple[str, str, str], Row]:
    """RMS and mean absolute error over all blocks together."""
    sums: dict[tuple[str, str, str], np.ndarray] = {}
    for part in pool.map(
        errors, BLOCKS_RAS_MM, [work] * len(BLOCKS_RAS_MM), [blur_mm] * len(BLOCKS_RAS_MM)
    ):
        for key, three in part.items():
            sums[key] = sums.get(key, np.zeros(3)) + np.array(three)
    return {
        key: (float(np.sqrt(total[0] / total[2])), float(total[1] / total[2]))
        for key, total in sums.items()
    }


def table(work: Work, found: dict[float, dict[tuple[str, str, str], Row]]) -> str:
    """One work as a table of 'RMS / mean': rows are methods, columns are sources and truths."""
    blurs = list(found)
    lines = [
        f"### {work.name}",
        "",
        "| method | " + " | ".join(f"{a} -> {b}" for a, b in PAIRS) + " |",
        "|---" * (len(PAIRS) + 1) + "|",
    ]
    for method in METHODS:
        cells = [
            "; ".join("{:.1f} / {:.1f}".format(*found[blur][(method, *pair)]) for blur in blurs)
            for pair in PAIRS
        ]
        lines.append(f"| {method} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def noise_table() -> str:
    """Output SD of each method for white noise of 1 HU, and its range over the slices."""
    works = [work for work in WORKS if work.thickness_mm is None]
    lines = [
        "### White noise of 1 HU",
        "",
        "| method | " + " | ".join(work.name for work in works) + " |",
        "|---" * (len(works) + 1) + "|",
    ]
    rng = np.random.default_rng(0)
    scans = [
        rng.normal(size=source_grid("vertex", work).shape).astype(np.float32) for work in works
    ]
    for name, method in METHODS.items():
        cells = []
        for work, noise in zip(works, scans, strict=True):
            made = method(noise, source_grid("vertex", work), target_grid("vertex", work))
            planes = made.std(axis=(0, 1))
            cells.append(f"{made.std():.2f} ({planes.min():.2f} to {planes.max():.2f})")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main(blurs_mm: tuple[float, ...]) -> None:
    """Measure and write."""
    words = [
        "# HU error against the exact head",
        "",
        "RMS / mean absolute error, HU, over the head's voxels in three blocks "
        "(mastoid, orbit, vertex), without",
        "noise. Columns: what the source's voxels are -> what the truth is; "
        "in a cell one pair per scanner blur:",
        ", ".join(f"{blur:g} mm" for blur in blurs_mm)
        + " FWHM. Generated by benchmarks/accuracy.py.",
        "",
    ]
    words.append(noise_table())
    with ProcessPoolExecutor(2) as pool:
        for work in WORKS:
            found = {blur: gathered(work, blur, pool) for blur in blurs_mm}
            words.append(table(work, found))
            print(words[-1], flush=True)
            if blurs_mm == BLURS_MM:  # after each work: a run takes minutes
                OUT.write_text("\n".join(words))


if __name__ == "__main__":
    main((0.0,) if "--quick" in sys.argv else BLURS_MM)
