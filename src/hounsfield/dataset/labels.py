"""Labels that go with an image: read, and brought onto its grid where they lie elsewhere, which is said."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import GeometryError, HounsfieldError, RefusedError
from hounsfield.core.grid import Grid
from hounsfield.core.stack import Stack
from hounsfield.core.volume import Volume
from hounsfield.dataset.run_config import RunConfig

DEFAULT = "label"
"""What a label is called that nobody has named."""


def label_paths(job: RunConfig, case_id: str) -> dict[str, Path]:
    """The label files of a case by name: {id} in a path stands for the case's id."""
    return {name: Path(template.replace("{id}", case_id)) for name, template in job.labels}


def read_labels(
    path: Path, *, name: str, stack: Stack
) -> tuple[dict[str, Volume], tuple[Diagnostic, ...]]:
    """The labels at `path` on the natural grid of `stack`, and what had to be done for that.

    A file of voxels is one label, `name`; an RTSTRUCT or DICOM SEG is one for each region, <name>-<region>, or the
    region alone where `name` is DEFAULT. Raises the readers' errors.
    """
    from hounsfield.io.formats import sniff

    with _about(name):
        kind = sniff(path)
    if kind != "dicom":
        label, diagnostics = _read_voxels(path, name=name, grid=stack.grid)
        return {name: label}, diagnostics
    from hounsfield.io.read_labels import load_labels

    found = load_labels(path, image=stack)
    before = "" if name == DEFAULT else f"{name}-"
    return {f"{before}{region}": volume for region, volume in found.volumes.items()}, tuple(
        found.diagnostics
    )


def _read_voxels(path: Path, *, name: str, grid: Grid) -> tuple[Volume, tuple[Diagnostic, ...]]:
    """The label at `path` on `grid`, and what had to be done for that; raises the readers' errors, with its name."""
    from hounsfield.io.open import read
    from hounsfield.resampling.regrid import regrid

    with _about(name):
        label = read(path, quantity="label")
    if label.grid.same_as(grid):
        return Volume(label.array, label.spec.replaced(grid=grid)), ()
    copied = grid.aligned_with(label.grid)
    how = "its voxels were copied" if copied else "each voxel took the nearest label"
    found = f"label '{name}' lay on another grid ({label.grid!r}) than the image ({grid!r}): {how}"
    brought = regrid(label, grid)
    if brought.array.any() or not label.array.any():
        return brought, (Diagnostic("REGRIDDED", "repair", found),)
    field = Volume(
        np.ones_like(label.array, dtype=np.uint8), label.spec.replaced(dtype=np.dtype(np.uint8))
    )
    if not regrid(field, grid).array.any():
        raise GeometryError(
            f"label '{name}' lies wholly beside the image ({label.grid!r} and {grid!r} have no place in "
            f"common): is it the label of another scan?"
        )
    return brought, (
        Diagnostic("REGRIDDED", "repair", f"{found}; none of what it marks lies within the image"),
    )


@contextmanager
def _about(name: str) -> Iterator[None]:
    """Put the label's name in front of what is wrong with its file: a line names the image's own path."""
    try:
        yield
    except HounsfieldError as error:
        if isinstance(error, RefusedError):
            raise
        first, *others = error.diagnostics
        first = replace(first, message=f"label '{name}': {first.message}")
        raise type(error)([first, *others]) from None
