"""A factory of cohorts: cases of mixed sizes, formats, faults and labels, one in ten broken.

What must come of each case is stated when it is made, by how it was made: not by reading it.
"""

from __future__ import annotations

import csv
import shutil
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import nibabel
import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from hounsfield.phantom import Faults, Head, grid_about, head, write_series

SIZES = ((24, 20, 6), (32, 32, 10), (48, 40, 16), (64, 56, 24), (80, 80, 30))
"""Voxels of cases: small, since a cohort has hundreds."""


@dataclass(frozen=True, slots=True)
class Made:
    """A case: where it is, and the code that it must fail with, '' if it must be done."""

    path: Path
    code: str = ""
    label: Path | None = None


@cache
def phantom(shape: tuple[int, int, int]) -> Head:
    """A head of the phantom with its skull in the field of view."""
    spacing = tuple(float(mm) for mm in np.array([240.0, 250.0, 210.0]) / shape)
    return head(grid_about((0, -4, 10), shape=shape, spacing_mm=spacing), noise_hu=3)


def hu_of(shape: tuple[int, int, int], seed: int) -> tuple[NDArray[np.int16], NDArray[np.float64]]:
    """HU of a head with noise of its own, and the affine."""
    made = phantom(shape).image
    noise = np.random.default_rng(seed).integers(-4, 5, made.shape)
    return (np.asarray(made.array) + noise).astype(np.int16), made.grid.affine


def _nifti(folder: Path, name: str, seed: int, shape: tuple[int, int, int], suffix: str) -> Path:
    array, affine = hu_of(shape, seed)
    path = folder / f"{name}{suffix}"
    nibabel.save(nibabel.Nifti1Image(array, affine), path)
    return path


def _itk(folder: Path, name: str, seed: int, shape: tuple[int, int, int], suffix: str) -> Path:
    array, affine = hu_of(shape, seed)
    image = sitk.GetImageFromArray(np.ascontiguousarray(array.T))
    to_lps = np.diag([-1.0, -1.0, 1.0]) @ affine[:3]
    spacing = np.linalg.norm(to_lps[:, :3], axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetDirection((to_lps[:, :3] / spacing).ravel().tolist())
    image.SetOrigin(to_lps[:, 3].tolist())
    path = folder / f"{name}{suffix}"
    sitk.WriteImage(image, str(path), useCompression=suffix != ".mha")
    return path


def nifti_gz(folder: Path, name: str, seed: int, shape: tuple[int, int, int]) -> Made:
    """A NIfTI with gzip."""
    return Made(_nifti(folder, name, seed, shape, ".nii.gz"))


def nifti(folder: Path, name: str, seed: int, shape: tuple[int, int, int]) -> Made:
    """A NIfTI without gzip."""
    return Made(_nifti(folder, name, seed, shape, ".nii"))


def nrrd(folder: Path, name: str, seed: int, shape: tuple[int, int, int]) -> Made:
    """An NRRD of SimpleITK."""
    return Made(_itk(folder, name, seed, shape, ".nrrd"))


def metaimage(folder: Path, name: str, seed: int, shape: tuple[int, int, int]) -> Made:
    """A MetaImage of SimpleITK."""
    return Made(_itk(folder, name, seed, shape, ".mha"))


def labelled(folder: Path, name: str, seed: int, shape: tuple[int, int, int]) -> Made:
    """A NIfTI with a label in another folder."""
    path = _nifti(folder, name, seed, shape, ".nii.gz")
    array, affine = hu_of(shape, seed)
    labels = folder.parent / "labels"
    labels.mkdir(exist_ok=True)
    label = labels / f"{name}.nii.gz"
    nibabel.save(nibabel.Nifti1Image((array > 300).astype(np.uint8), affine), label)
    return Made(path, label=label)


def series(
    faults: Faults | None = None, code: str = ""
) -> Callable[[Path, str, int, tuple[int, int, int]], Made]:
    """A DICOM series with faults, which fails with a code."""

    def make(folder: Path, name: str, seed: int, shape: tuple[int, int, int]) -> Made:
        path = folder / name
        write_series(phantom(shape), path, faults=faults, seed=seed)
        return Made(path, code)

    return make


def archive(folder: Path, name: str, seed: int, shape: tuple[int, int, int]) -> Made:
    """A DICOM series in a zip archive."""
    path = folder / name
    write_series(phantom(shape), path, seed=seed)
    with zipfile.ZipFile(folder / f"{name}.zip", "w") as file:
        for item in sorted(path.iterdir()):
            file.write(item, item.name)
    shutil.rmtree(path)
    return Made(folder / f"{name}.zip")


def truncated(folder: Path, name: str, seed: int, shape: tuple[int, int, int]) -> Made:
    """A NIfTI that was cut in the middle."""
    path = _nifti(folder, name, seed, shape, ".nii.gz")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    return Made(path, "TRUNCATED|UNREADABLE")


def corrupt(folder: Path, name: str, seed: int, shape: tuple[int, int, int]) -> Made:
    """A file that has only the name of a NIfTI."""
    path = folder / f"{name}.nii.gz"
    path.write_bytes(np.random.default_rng(seed).bytes(5000))
    return Made(path, "UNREADABLE|TRUNCATED")


def without_affine(folder: Path, name: str, seed: int, shape: tuple[int, int, int]) -> Made:
    """A NIfTI with neither sform nor qform."""
    image = nibabel.load(_nifti(folder, name, seed, shape, ".nii.gz"))
    image.set_sform(None, code=0)
    image.set_qform(None, code=0)
    path = folder / f"{name}.nii.gz"
    nibabel.save(nibabel.Nifti1Image(np.asarray(image.dataobj), None, image.header), path)
    return Made(path, "NO_AFFINE")


GOOD = (
    nifti_gz,
    nrrd,
    series(),
    labelled,
    metaimage,
    series(Faults(tilt_deg=12)),
    nifti,
    archive,
    series(Faults(extras=("localizer", "screen"), syntax="rle")),
    series(Faults(syntax="jpeg-2000")),
    series(Faults(syntax="jpeg-ls")),
    series(Faults(padding="untagged-2048", duplicated=(2,))),
)
"""What must be done; the faults are those that are repaired."""

BROKEN = (
    truncated,
    series(Faults(missing=(3,)), "GAP"),
    corrupt,
    series(Faults(no_position=(2,)), "NO_POSITION"),
    without_affine,
)
"""What must fail, with a reason."""


def cohort(folder: Path, count: int, *, seed: int = 0) -> tuple[Made, ...]:
    """Make a cohort; every tenth case is broken."""
    scans = folder / "scans"
    scans.mkdir(parents=True)
    return tuple(_cases(scans, count, seed))


def _cases(folder: Path, count: int, seed: int) -> Iterator[Made]:
    sizes = np.random.default_rng(seed).integers(0, len(SIZES), count)
    for n in range(count):
        tens, is_broken = n // 10, n % 10 == 9
        maker = BROKEN[tens % len(BROKEN)] if is_broken else GOOD[(n - tens) % len(GOOD)]
        yield maker(folder, f"case-{n:04d}", seed * 10_000 + n, SIZES[sizes[n]])


def table(made: tuple[Made, ...], path: Path) -> Path:
    """Write a CSV of the cases with their labels."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("image", "label"))
        writer.writerows((each.path, each.label or "") for each in made)
    return path
