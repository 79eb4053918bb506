"""Bring the class probabilities of a network back to the grid of a scan, class by class."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.errors import GeometryError, HounsfieldError, ReadError, missing_file
from hounsfield.core.grid import Grid
from hounsfield.core.spec import Spec
from hounsfield.core.volume import Array, Volume
from hounsfield.dataset.memory import check_memory
from hounsfield.pipeline.record import Record
from hounsfield.resampling.one_pass import SLAB_BYTES

MEMBER = "probabilities.npy"
"""The array in an .npz of nnU-Net (save_probabilities): (class, z, y, x), z being the slice."""

HEADER_BYTES = 10_000
"""The default header limit of numpy."""

MOST_CLASSES = 65_535
"""Classes that a label map of 16 bits can number."""

FLOAT = np.dtype(np.float32)


def restore_probabilities(record: Record, path: Path, *, folder: Path | None = None) -> Volume:
    """Return the class with the largest probability for each voxel of the scan, as a label map.

    Each class is read and interpolated by itself, slab by slab, and the largest is chosen
    afterwards; ties go to the lower class. Memory: one class on the grid of the output, and 5 or 6
    bytes for each voxel of the scan, whatever the number of classes. With `folder` the
    probabilities of each class are written to `folder`/class-N.nii.gz too. Other files of nnU-Net,
    such as .pkl, are not read. Raises ReadError, or GeometryError if the shape is not that of the
    output.
    """
    target = record.source_grid
    with _open(path, record.output_grid) as classes:
        dtype = np.dtype(np.uint8 if classes.count <= 256 else np.uint16)
        _check_memory(classes, target, dtype)
        best = _Best(target, dtype)
        for number in range(classes.count):
            volume = classes.read(number)
            if folder is None:
                for _ in best.compared(volume, number):
                    pass
            else:
                _write(best, volume, number, folder)
    return best.label()


def _check_memory(classes: _Classes, target: Grid, dtype: np.dtype[np.generic]) -> None:
    per_class = math.prod(classes.grid.shape) * (classes.dtype.itemsize + FLOAT.itemsize)
    per_voxel = FLOAT.itemsize + dtype.itemsize
    check_memory(per_class + math.prod(target.shape) * per_voxel + 4 * SLAB_BYTES, None)


def _write(best: _Best, volume: Volume, number: int, folder: Path) -> None:
    from hounsfield.io.write_slabs import write_slabs

    spec = volume.spec.replaced(grid=best.grid)
    path = folder / f"class-{number}.nii.gz"
    write_slabs(best.compared(volume, number), path, spec=spec, format="nii.gz")


@dataclass(slots=True, eq=False)
class _Best:
    """The largest probability so far of each voxel of a grid, and its class."""

    grid: Grid
    dtype: np.dtype[np.generic]
    values: NDArray[np.float32] = field(init=False)
    numbers: Array = field(init=False)

    def __post_init__(self) -> None:
        self.values = np.zeros(self.grid.shape, dtype=FLOAT, order="F")
        self.numbers = np.zeros(self.grid.shape, dtype=self.dtype, order="F")

    def compared(self, volume: Volume, number: int) -> Iterator[Array]:
        """Yield a class on the grid slab by slab, after it was compared with the others."""
        from hounsfield.resampling.regrid import regrid_anywhere

        i, j, total = self.grid.shape
        step = max(1, SLAB_BYTES // (i * j * FLOAT.itemsize))
        for start in range(0, total, step):
            stop = min(total, start + step)
            slab = regrid_anywhere(volume, self.grid.boxed((0, 0, start), (i, j, stop - start)))
            values = slab.array.astype(FLOAT, copy=False)
            larger = values > self.values[:, :, start:stop]
            np.copyto(self.values[:, :, start:stop], values, where=larger)
            self.numbers[:, :, start:stop][larger] = number
            yield values

    def label(self) -> Volume:
        """Return the label map."""
        spec = Spec(grid=self.grid, dtype=self.numbers.dtype, quantity="label", background=0.0)
        return Volume(self.numbers, spec)


@dataclass(slots=True, eq=False)
class _Classes:
    """The classes of an open file, which are read in order."""

    file: IO[bytes]
    grid: Grid
    dtype: np.dtype[np.floating]
    count: int

    def read(self, number: int) -> Volume:
        """Return the probabilities of the next class on the grid of the output."""
        stored = np.empty(tuple(reversed(self.grid.shape)), dtype=self.dtype)
        view = stored.reshape(-1).view(np.uint8)
        done = 0
        while done < len(view):
            with _zip_errors():
                some = self.file.read(min(len(view) - done, SLAB_BYTES))
            if not some:
                raise ReadError(f"class {number} is truncated; predict the case again")
            view[done : done + len(some)] = np.frombuffer(some, dtype=np.uint8)
            done += len(some)
        values = stored.T.astype(FLOAT, copy=False)
        if not np.isfinite(values).all():
            raise ReadError(f"class {number} has NaN or infinite values; expected probabilities")
        background = 1.0 if number == 0 else 0.0
        return Volume(
            values, Spec(grid=self.grid, dtype=FLOAT, quantity="other", background=background)
        )


@contextmanager
def _open(path: Path, grid: Grid) -> Iterator[_Classes]:
    """Open the probabilities in an .npz; only numbers are read, never pickled objects."""
    with ExitStack() as stack:
        with _zip_errors(path):
            file = stack.enter_context(stack.enter_context(zipfile.ZipFile(path)).open(MEMBER))
            classes = _header(file, grid)
        yield classes


@contextmanager
def _zip_errors(path: Path | None = None) -> Iterator[None]:
    """Convert any error of reading an .npz to a ReadError."""
    try:
        yield
    except (HounsfieldError, MemoryError):
        raise
    except FileNotFoundError:
        raise missing_file(path or "") from None
    except KeyError:
        raise ReadError("the .npz has no array 'probabilities'; expected that of nnU-Net") from None
    except Exception as error:  # zipfile raises many exception types for a corrupt file
        reason = getattr(error, "strerror", None) or "truncated or corrupt"
        raise ReadError(f"the .npz cannot be read ({reason}); predict the case again") from None


def _header(file: IO[bytes], grid: Grid) -> _Classes:
    version = np.lib.format.read_magic(file)
    if version not in ((1, 0), (2, 0)):
        raise ReadError(f"the array has version {version} of the .npy format; expected 1 or 2")
    read = (
        np.lib.format.read_array_header_1_0
        if version == (1, 0)
        else np.lib.format.read_array_header_2_0
    )
    shape, is_fortran, dtype = read(file, max_header_size=HEADER_BYTES)
    expected = tuple(reversed(grid.shape))
    if dtype.kind != "f" or is_fortran:
        raise ReadError("the probabilities are not floats in C order; expected those of nnU-Net")
    if len(shape) != 4 or shape[1:] != expected or not 1 <= shape[0] <= MOST_CLASSES:
        raise GeometryError(
            f"the probabilities have the shape {shape}; expected (classes, "
            f"{', '.join(map(str, expected))}): (class, z, y, x) of the run's output"
        )
    return _Classes(file, grid, dtype, int(shape[0]))
