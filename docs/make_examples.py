"""Write the inputs of the docs' examples: a small phantom head in scan/ and two NIfTI files."""

from __future__ import annotations

import sys
from pathlib import Path

import hounsfield as hu
from hounsfield.phantom import grid_about, head, write_series

SHAPE = (160, 160, 44)
SPACING_MM = (1.5, 1.5, 4.0)


def make_examples(folder: Path) -> None:
    """Fill `folder`, which must exist."""
    phantom = head(grid_about((0.0, -4.0, 10.0), shape=SHAPE, spacing_mm=SPACING_MM))
    write_series(phantom.image, folder / "scan")
    hu.write(phantom.image, folder / "ct.nii.gz")
    hu.write(phantom.labels, folder / "label.nii.gz")


if __name__ == "__main__":
    make_examples(Path(sys.argv[1]))
