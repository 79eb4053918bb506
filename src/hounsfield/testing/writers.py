"""What every writer must keep, as an abstract test class: inherit it and name the output."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hounsfield.core.errors import WriteError
from hounsfield.core.grid import Grid
from hounsfield.core.spec import Quantity, Spec
from hounsfield.core.volume import Volume
from hounsfield.io.formats import output_of
from hounsfield.io.open import read
from hounsfield.io.write import write
from hounsfield.testing.readers import AFFINE_WITHIN_MM, OBLIQUE
from hounsfield.testing.values import noise


class WriterTests:
    """Test a writer of a lossless format: inherit this class and override `output`.

    The attribute `output` is what ``format=`` and ``--format`` take; `kinds` are the quantities and
    dtypes that the format can represent.

    Examples
    --------
    >>> class TestNrrd(WriterTests):
    ...     output = "nrrd"
    """

    output: str = ""
    kinds: tuple[tuple[Quantity, str], ...] = (
        ("hu", "int16"),
        ("hu", "float32"),
        ("unit", "float32"),
        ("label", "uint8"),
    )

    def volumes(self) -> list[Volume]:
        """Return the volumes to write.

        Returns
        -------
        list of Volume
            One of each kind, on an oblique grid.
        """
        grid = Grid((7, 6, 5), OBLIQUE)
        specs = [
            Spec(grid=grid, dtype=np.dtype(dtype), quantity=quantity, background=0.0)
            for quantity, dtype in self.kinds
        ]
        return [noise(spec, seed=n) for n, spec in enumerate(specs)]

    def path(self, folder: Path) -> Path:
        """Return the path of an output.

        Parameters
        ----------
        folder : Path
            The folder of the output.

        Returns
        -------
        Path
            A file with the suffix of the format, or a folder.
        """
        return folder / ("out" if output_of(self.output).is_folder else f"out.{self.output}")

    def test_what_is_written_is_read_back(self, tmp_path: Path) -> None:
        """Values, dtype, quantity and places come back."""
        for volume in self.volumes():
            write(volume, self.path(tmp_path), format=self.output)
            found = read(self.path(tmp_path), quantity=volume.quantity, assume="hu")
            assert np.array_equal(found.array, volume.array)
            assert found.array.dtype == volume.array.dtype
            off_mm = np.abs(found.grid.corners_mm - volume.grid.corners_mm).max()
            assert off_mm <= AFFINE_WITHIN_MM, f"a corner lies {off_mm:g} mm from its place"

    def test_the_suffix_names_the_format(self, tmp_path: Path) -> None:
        """`hu.write` finds the writer by the suffix of a file, and gives the same bytes."""
        if output_of(self.output).is_folder:
            pytest.skip("the output is a folder, which no suffix names")
        volume = self.volumes()[0]
        write(volume, self.path(tmp_path))
        by_suffix = self.path(tmp_path).read_bytes()
        write(volume, self.path(tmp_path), format=self.output)
        assert self.path(tmp_path).read_bytes() == by_suffix

    def test_a_failed_write_leaves_nothing(self, tmp_path: Path) -> None:
        """Into a folder that is not there: one WriteError, and no file anywhere."""
        with pytest.raises(WriteError):
            write(self.volumes()[0], self.path(tmp_path / "absent"), format=self.output)
        assert list(tmp_path.rglob("*")) == []

    def test_nothing_else_is_left_in_the_folder(self, tmp_path: Path) -> None:
        """No temporary file stays, and the source's array is as it was."""
        volume = self.volumes()[0]
        before = volume.array.copy()
        write(volume, self.path(tmp_path), format=self.output)
        assert not [item for item in tmp_path.iterdir() if item.name.startswith(".")]
        assert np.array_equal(volume.array, before)
