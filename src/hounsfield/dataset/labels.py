"""Labels that go with an image: read, and brought onto its grid where they lie elsewhere, which is said."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import HounsfieldError, RefusedError
from hounsfield.core.grid import Grid
from hounsfield.core.policy import DEFAULT_POLICY
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
    from hounsfield.io.open import read_volume
    from hounsfield.resampling.regrid import label_on_grid

    with _about(name):
        label = read_volume(path, quantity="label", policy=DEFAULT_POLICY)
    volume, diagnostics = label_on_grid(label, grid, name=name, method="nearest")
    return volume, label.diagnostics + diagnostics


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
