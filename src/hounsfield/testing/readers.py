"""Abstract tests of a reader: a subclass writes a file of a known volume, pytest runs the tests."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

from hounsfield.core.errors import HounsfieldError, ReadError
from hounsfield.core.grid import Grid
from hounsfield.core.policy import ReadPolicy
from hounsfield.core.spec import AIR_HU, Spec
from hounsfield.core.stack import Stack
from hounsfield.core.volume import Volume
from hounsfield.dataset.discover import discover
from hounsfield.io.formats import files_of, sniff
from hounsfield.io.open import declared_quantity, open_stack, read
from hounsfield.testing.values import noise

CUTS = 32
"""At how many lengths, evenly over a file, it is cut."""

AFFINE_WITHIN_MM = 1e-4
"""Largest distance of a voxel from its true position; affines may be float32 or decimal numbers."""

OBLIQUE = np.array(
    [[-0.68, 0.1, 0.2, 31.0], [-0.12, -0.69, 0.4, 42.5], [0.09, -0.06, 2.4, -53.0], [0, 0, 0, 1]]
)
"""An oblique affine to RAS+ mm whose three columns differ in length."""


class ReaderTests:
    """Test a reader: inherit this class and override `format` and `make`, and `truth` if needed.

    The attribute `format` is the name that `hounsfield.io.formats.sniff` gives the file;
    `is_detached` tells whether voxels lie in the last of several files; `is_compressed` whether the
    number of voxels is known only when the file is inflated.

    Examples
    --------
    >>> from hounsfield.io.write import write
    >>> class TestNifti(ReaderTests):
    ...     format = "nifti"
    ...
    ...     def make(self, folder, truth):
    ...         write(truth, folder / "truth.nii")
    ...         return folder / "truth.nii"
    """

    format: str = ""
    is_detached: bool = False
    is_compressed: bool = False

    def make(self, folder: Path, truth: Volume) -> Path:
        """Write a volume in the format under test.

        Parameters
        ----------
        folder : Path
            An empty folder.
        truth : Volume
            The volume.

        Returns
        -------
        Path
            The file to open, whatever other files belong to it.
        """
        raise NotImplementedError(
            "make() is not defined; a subclass of ReaderTests must write a file"
        )

    def truth(self) -> Volume:
        """Return the volume that the file holds; override it if the format cannot.

        Returns
        -------
        Volume
            int16 HU, 14 x 12 x 10 voxels on an oblique grid.
        """
        grid = Grid((14, 12, 10), OBLIQUE)
        spec = Spec(grid=grid, dtype=np.dtype(np.int16), quantity="hu", background=AIR_HU)
        return noise(spec, seed=5)

    def test_values_dtype_quantity_and_places_are_those_of_the_file(self, tmp_path: Path) -> None:
        """What `hu.read` gives is the truth, with the format found by its content."""
        truth = self.truth()
        path = self.make(tmp_path, truth)
        assert sniff(path) == self.format
        assert declared_quantity(path) in (None, truth.quantity)
        found = _read(path, truth)
        assert found.array.dtype == truth.array.dtype
        assert found.quantity == truth.quantity
        assert np.array_equal(found.array, truth.array)
        assert found.array.flags.f_contiguous
        off_mm = np.abs(found.grid.corners_mm - truth.grid.corners_mm).max()
        assert off_mm <= AFFINE_WITHIN_MM, f"a corner lies {off_mm:g} mm from its place"

    def test_slabs_equal_the_whole(self, tmp_path: Path) -> None:
        """Slices that are asked for in any order and number are those of all slices at once."""
        truth = self.truth()
        path = self.make(tmp_path, truth)
        whole = _stack(path, truth).slab(0, truth.shape[2])
        stack = _stack(path, truth)
        for start in reversed(range(truth.shape[2])):
            for stop in range(start + 1, truth.shape[2] + 1):
                part = stack.slab(start, stop)
                assert np.array_equal(part, whole[:, :, start:stop])
                assert part.dtype == stack.stored_dtype
                assert part.flags.f_contiguous

    def test_reading_writes_nothing(self, tmp_path: Path) -> None:
        """The files are the same after reading, and no other file is made."""
        truth = self.truth()
        path = self.make(tmp_path, truth)
        before = _content(tmp_path)
        _read(path, truth)
        assert _content(tmp_path) == before

    def test_a_truncated_file_is_an_error_and_never_zeros(self, tmp_path: Path) -> None:
        """Each file, truncated at 32 lengths, gives a HounsfieldError or all voxels unchanged."""
        truth = self.truth()
        path = self.make(tmp_path, truth)
        for file in files_of(path):
            data = file.read_bytes()
            for size in sorted({len(data) * n // CUTS for n in range(CUTS)} | {len(data) - 1}):
                file.write_bytes(data[:size])
                _check_cut(path, truth, what=f"{file.suffix} of {size} of {len(data)} bytes")
            file.write_bytes(data)

    def test_half_of_the_voxels_are_refused(self, tmp_path: Path) -> None:
        """The size that the header declares is compared with that of the files."""
        truth = self.truth()
        path = self.make(tmp_path, truth)
        file = files_of(path)[-1] if self.is_detached else path
        data = file.read_bytes()
        file.write_bytes(data[: len(data) - truth.array.nbytes // 2])
        with pytest.raises(ReadError) as caught:
            _opened(path, truth, is_inflated=self.is_compressed)
        _check_message(caught.value, path)

    def test_a_folder_with_the_file_holds_one_case(self, tmp_path: Path) -> None:
        """The search for cases finds the image, and takes none of its files for another one."""
        path = self.make(tmp_path, self.truth())
        found = discover([str(tmp_path)], ids="stem")
        assert [case.path for case in found.cases] == [path]
        assert found.missed == ()


def _read(path: Path, truth: Volume) -> Volume:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return read(path, quantity=truth.quantity)


def _stack(path: Path, truth: Volume) -> Stack:
    return open_stack(path, policy=ReadPolicy(), quantity=truth.quantity)


def _opened(path: Path, truth: Volume, *, is_inflated: bool) -> None:
    stack = _stack(path, truth)
    if is_inflated:
        stack.slab(0, truth.shape[2])


def _content(folder: Path) -> dict[str, bytes]:
    return {str(item): item.read_bytes() for item in folder.rglob("*") if item.is_file()}


def _check_cut(path: Path, truth: Volume, *, what: str) -> None:
    try:
        found = _read(path, truth)
    except HounsfieldError as error:
        _check_message(error, path)
        return
    assert np.array_equal(found.array, truth.array), f"{what}: read as other voxels"
    assert np.abs(found.grid.corners_mm - truth.grid.corners_mm).max() <= AFFINE_WITHIN_MM, what


def _check_message(error: HounsfieldError, path: Path) -> None:
    assert str(error)
    assert "\n" not in str(error), f"a message of several lines: {str(error)!r}"
    for diagnostic in error.diagnostics:  # `where` may hold the path, which records leave out
        message = diagnostic.message
        assert str(path.parent) not in message, f"a message with a path: {message!r}"
