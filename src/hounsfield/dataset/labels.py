"""Read the labels of a case and resample them to the grid of its image if needed."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import HounsfieldError, RefusedError, refused
from hounsfield.core.grid import Grid
from hounsfield.core.policy import DEFAULT_POLICY
from hounsfield.core.stack import Stack
from hounsfield.core.volume import Volume
from hounsfield.dataset.case import DEFAULT_LABEL, CaseSource
from hounsfield.dataset.case_names import fill, parent, stem

DEFAULT = DEFAULT_LABEL

FIELDS = ("id", "path", "parent", "stem")
"""Fields of the path of a label: the case id, the folder of the image as it was typed, the name of
the folder that contains the image, and the name of the image without its suffix."""


def fill_paths(labels: Sequence[tuple[str, str]], case: CaseSource) -> dict[str, Path]:
    """Return the paths of `labels`, names and paths with FIELDS, for a case."""
    fields = {
        "id": case.id,
        "path": _folder_as_typed(case),
        "parent": parent(case.path),
        "stem": stem(case.path),
    }
    return {name: Path(fill(template, fields)) for name, template in labels}


def _folder_as_typed(case: CaseSource) -> str:
    """Return the folder of an image, or of the files of a DICOM series."""
    typed = case.typed or str(case.path)
    is_series = case.series is not None and os.path.isdir(typed)
    return typed if is_series else os.path.dirname(typed) or os.curdir


def read_labels(
    path: Path, *, name: str, stack: Stack, member: str = ""
) -> tuple[dict[str, Volume], tuple[Diagnostic, ...]]:
    """Read the labels at `path` on the natural grid of `stack`, with the diagnostics.

    An image file is one label, `name`; an RTSTRUCT or DICOM SEG has one per region, called
    <name>-<region>, or <region> if `name` is DEFAULT. `member` is the object of an archive to read.
    Raises the errors of the readers.
    """
    from hounsfield.io.formats import sniff

    with prefix_errors(name):
        kind = "dicom" if member else sniff(path)
    if kind != "dicom":
        label, diagnostics = read_voxels(path, name=name, grid=stack.grid)
        return {name: label}, diagnostics
    from hounsfield.io.read_labels import load_labels

    found = load_labels(path, image=stack, member=member)
    prefix = "" if name == DEFAULT else f"{name}-"
    labels = {f"{prefix}{region}": volume for region, volume in found.volumes.items()}
    return labels, tuple(found.diagnostics)


def check_regions(regions: Collection[str], others: Collection[str]) -> None:
    """Raise RefusedError if a region has the name of another label of the case."""
    both = sorted(set(regions) & set(others))
    if both:
        message = f"two labels of the case have the name '{both[0]}'; name each file, as liver=FILE"
        raise refused("DUPLICATE_LABEL", message)


def read_voxels(path: Path, *, name: str, grid: Grid) -> tuple[Volume, tuple[Diagnostic, ...]]:
    """Read the label at `path` on `grid`, with the diagnostics; errors contain its name."""
    from hounsfield.io.open import read_volume
    from hounsfield.resampling.regrid import label_on_grid

    with prefix_errors(name):
        label = read_volume(path, quantity="label", policy=DEFAULT_POLICY)
    volume, diagnostics = label_on_grid(label, grid, name=name)
    return volume, label.diagnostics + diagnostics


@contextmanager
def prefix_errors(name: str) -> Iterator[None]:
    """Prefix read errors with the name of the label: the terminal shows the path of the image."""
    try:
        yield
    except HounsfieldError as error:
        if isinstance(error, RefusedError):
            raise
        first, *others = error.diagnostics
        first = replace(first, message=f"label '{name}': {first.message}")
        raise type(error)([first, *others]) from None
