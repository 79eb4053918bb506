"""Labels that go with an image: read, and brought onto its grid where they lie elsewhere, which is said."""

from __future__ import annotations

from pathlib import Path

from hounsfield.core.errors import HounsfieldError, Problem
from hounsfield.core.grid import Grid
from hounsfield.core.volume import Volume
from hounsfield.dataset.job import Job


def label_paths(job: Job, case_id: str) -> dict[str, Path]:
    """The label files of a case by name: {id} in a path stands for the case's id."""
    return {name: Path(template.replace("{id}", case_id)) for name, template in job.labels}


def read_label(path: Path, *, name: str, grid: Grid) -> tuple[Volume, tuple[Problem, ...]]:
    """The label at `path` on `grid`, and what had to be done for that; raises the readers' errors, with its name."""
    from hounsfield.io.open import read
    from hounsfield.steps.regrid import regrid

    try:
        label = read(path, quantity="label")
    except HounsfieldError as error:
        if hasattr(error, "problems"):
            raise
        raise type(error)(f"label '{name}': {error}") from None
    if label.grid.same_as(grid):
        return Volume(label.array, label.spec.replaced(grid=grid)), ()
    copied = grid.aligned_with(label.grid)
    how = "its voxels were copied" if copied else "each voxel took the nearest label"
    found = (f"label '{name}' lay on another grid ({label.grid!r}) than the image ({grid!r}): {how}")
    return regrid(label, grid), (Problem("", "REGRIDDED", found),)
