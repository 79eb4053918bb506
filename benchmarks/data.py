"""The inputs: a phantom head of 512 x 512 x 300, a chest of 512 x 512 x 600, and smaller stacks.

The stacks have 64 to 1024 slices. All are made once and kept in benchmarks/.kept: an int16 array
(i, j, k) as Fortran-ordered .npy with its affine in a second file, a DICOM folder, a .nii.gz.
"""

from __future__ import annotations

import gzip
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

KEPT = Path(__file__).parent / ".kept"
HEAD_MM = (0.488, 0.488, 0.75)
HEAD_CENTRE_MM = (0.0, -4.0, -14.0)
CHEST_MM = (0.7, 0.7, 0.6)
GROWTH = (64, 128, 256, 512, 1024)
NOISE_HU = 12.0
PIECE = 20
"""Slices of the head that one process renders at a time."""

Array = NDArray[np.int16]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """One scan in all the forms that it is read from; forms are made when first asked for."""

    name: str
    slices: int
    side: int = 512

    @property
    def folder(self) -> Path:
        return KEPT / f"{self.name}-{self.side}-{self.slices}"

    @property
    def npy(self) -> Path:
        """The array; affine.npy lies beside it."""
        path = self.folder / "image.npy"
        if not path.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            (KEPT / ".gitignore").write_text("*\n")
            array, affine = {"head": _head, "chest": _chest, "grown": _grown}[self.name](self)
            np.save(self.folder / "affine.npy", affine)
            np.save(self.folder / "part.npy", np.asfortranarray(array))
            (self.folder / "part.npy").rename(path)
        return path

    @property
    def array(self) -> Array:
        """The voxels, in memory."""
        values: Array = np.load(self.npy)
        return values

    @property
    def affine(self) -> NDArray[np.float64]:
        path = self.npy.with_name("affine.npy")
        values: NDArray[np.float64] = np.load(path)
        return values

    @property
    def nifti(self) -> Path:
        """image.nii.gz, int16, no scale, at gzip's level 6 as tools write it."""
        path = self.folder / "image.nii.gz"
        if not path.exists():
            import nibabel

            image = nibabel.Nifti1Image(self.array, self.affine)
            image.header.set_xyzt_units("mm")
            part = self.folder / "part.nii.gz"
            with gzip.open(part, "wb", compresslevel=6) as file:
                file.write(image.to_bytes())
            part.rename(path)
        return path

    @property
    def dicom(self) -> Path:
        """An uncompressed series of one file per slice, names shuffled."""
        path = self.folder / "dicom"
        if not path.exists():
            import hounsfield as hu
            from hounsfield.phantom import Faults, write_series

            part = self.folder / "part"
            write_series(
                hu.Volume.from_array(self.array, affine=self.affine),
                part,
                faults=Faults(padding="none"),
            )
            part.rename(path)
        return path


def head(slices: int = 300, *, side: int = 512) -> Scan:
    """A head with noise and headrest on HEAD_MM."""
    return Scan(name="head", slices=slices, side=side)


def chest(slices: int = 600, *, side: int = 512) -> Scan:
    """A trunk of soft tissue with lungs, spine, ribs, vessels, on CHEST_MM."""
    return Scan(name="chest", slices=slices, side=side)


def grown(slices: int, *, side: int = 512) -> Scan:
    """The head's slices forth and back until there are as many, 0.75 mm unshared."""
    return Scan(name="grown", slices=slices, side=side)


def jpeg_ls(slices: int, *, side: int = 512) -> Path:
    """A series of noise in a cylinder, compressed by JPEG-LS."""
    import dicom_read

    path = KEPT / f"jpeg-ls-{side}-{slices}"
    if not path.exists():
        part = KEPT / "part"
        part.mkdir(parents=True, exist_ok=True)
        dicom_read.write_series(part, slices=slices, side=side, codec="jpeg-ls")
        part.rename(path)
    return path


def _head(scan: Scan) -> tuple[Array, NDArray[np.float64]]:
    from hounsfield.phantom import grid_about

    step = HEAD_MM[0] * 512 / scan.side
    grid = grid_about(
        HEAD_CENTRE_MM,
        shape=(scan.side, scan.side, scan.slices),
        spacing_mm=(step, step, HEAD_MM[2]),
    )
    starts = range(0, scan.slices, PIECE)
    parts = [
        grid.boxed((0, 0, start), (scan.side, scan.side, min(PIECE, scan.slices - start)))
        for start in starts
    ]
    with ProcessPoolExecutor(2) as pool:
        return np.concatenate(list(pool.map(_piece, parts, starts)), axis=2), grid.affine


def _piece(grid: object, seed: int) -> Array:
    from hounsfield.core.grid import Grid
    from hounsfield.phantom import head as phantom

    assert isinstance(grid, Grid)
    made: Array = phantom(grid, noise_hu=NOISE_HU, seed=seed).image.array
    return made


def _grown(scan: Scan) -> tuple[Array, NDArray[np.float64]]:
    source = head(side=scan.side)
    order = np.concatenate([np.arange(source.slices), np.arange(source.slices)[::-1]])
    return source.array[:, :, np.resize(order, scan.slices)], source.affine


def _chest(scan: Scan) -> tuple[Array, NDArray[np.float64]]:
    """Ellipses whose size varies along k, ribs as sloping rings, vessels as dots in the lungs."""
    step = CHEST_MM[0] * 512 / scan.side
    affine = np.diag([-step, -step, CHEST_MM[2], 1.0])
    affine[:3, 3] = [step * scan.side / 2, step * scan.side / 2, -CHEST_MM[2] * scan.slices / 2]
    y, x = np.meshgrid(*[(np.arange(scan.side) - scan.side / 2) * step] * 2)
    rng = np.random.default_rng(0)
    out = np.empty((scan.side, scan.side, scan.slices), np.int16, order="F")
    vessels = rng.uniform(-1, 1, (60, 2)) * [110, 60]
    for k in range(scan.slices):
        z = (k / scan.slices - 0.5) * 2
        body = (x / 165) ** 2 + (y / 115) ** 2
        lungs = (((np.abs(x) - 72) / (52 * (1 - 0.6 * z * z))) ** 2 + (y / 80) ** 2) < 1
        hu = np.where(body < 1, 40.0, -1000.0)
        hu[(body < 1) & (body > 0.88)] = -90
        hu[
            (np.abs(body - 0.8) < 0.04) & (np.sin(np.arctan2(y, x) * 3 + k * CHEST_MM[2] / 4) > 0.2)
        ] = 500
        hu[lungs] = -850
        for at_x, at_y in vessels:
            hu[((x - at_x - 8 * z) ** 2 + (y - at_y) ** 2 < 9) & lungs] = 60
        hu[(x / 20) ** 2 + ((y - 75) / 18) ** 2 < 1] = 350
        hu[np.abs(y - 150) < 3] = -300
        out[:, :, k] = np.clip(np.rint(hu + rng.normal(0, NOISE_HU, hu.shape)), -1024, 3071)
    return out, affine
