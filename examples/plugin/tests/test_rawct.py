"""The format keeps the laws of readers and writers."""

from pathlib import Path

import hounsfield as hu
from hounsfield.testing import ReaderTests, WriterTests


class TestReader(ReaderTests):
    format = "rawct"

    def make(self, folder: Path, truth: hu.Volume) -> Path:
        """By hand, without the writer: a reader and a writer may err alike."""
        affine = " ".join(repr(float(value)) for value in truth.grid.affine[:3].ravel())
        header = (
            f"RAWCT 1\nshape {' '.join(map(str, truth.shape))}\ndtype {truth.array.dtype.name}\n"
            f"quantity {truth.quantity}\naffine {affine}\nvoxels\n"
        )
        little = truth.array.astype(truth.array.dtype.newbyteorder("<"))
        path = folder / "scan.rawct"
        path.write_bytes(header.encode() + little.tobytes(order="F"))
        return path


class TestWriter(WriterTests):
    output = "rawct"
