"""Merge labels that may overlap into one label map, in an order of priority."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.errors import GeometryError, QuantityError
from hounsfield.core.volume import Array, Volume
from hounsfield.kernels.labels import values_and_counts

Overlaps = dict[tuple[str, str], int]
"""For (winner, loser) the voxels of both that have the value of the winner in the label map."""

MOST_LABELS = np.iinfo(np.uint16).max
"""Most values of a label map, those of uint16."""


def merge_labels(labels: Mapping[str, Volume], *, order: Sequence[str]) -> tuple[Volume, Overlaps]:
    """Merge labels into a label map whose value n is the label order[n - 1]; 0 is background.

    A label is where it is not its background. The first of `order` wins an overlap. A name of
    `order` without a label keeps its value, so that values agree between cases. The dtype is
    uint8, or uint16 for more than 255 names. Raises QuantityError if a label is not in `order` or
    has several values, GeometryError if the grids differ.

    Examples
    --------
    >>> def label(*values):
    ...     array = np.array(values, np.uint8).reshape(-1, 1, 1)
    ...     return Volume.from_array(array, affine=np.eye(4), quantity="label")
    >>> labels = {"liver": label(0, 1, 1, 1), "tumour": label(0, 0, 1, 0)}
    >>> merged, overlaps = merge_labels(labels, order=("tumour", "liver"))
    >>> merged.array.ravel().tolist(), overlaps
    ([0, 2, 1, 2], {('tumour', 'liver'): 1})
    """
    _check(labels, order)
    first = next(iter(labels.values()))
    dtype = np.uint8 if len(order) <= np.iinfo(np.uint8).max else np.uint16
    merged = np.zeros(first.array.size, dtype)
    overlaps: Overlaps = {}
    for value, name in enumerate(order, 1):
        if name in labels:
            at = np.flatnonzero(_covered(labels[name]))
            below = merged[at]
            overlaps |= _lost(below, name, order)
            merged[at[below == 0]] = value
    array = merged.reshape(first.grid.shape, order="F")
    return Volume.from_array(array, affine=first.affine, quantity="label"), overlaps


def _covered(label: Volume) -> NDArray[np.bool_]:
    return np.asarray(label.array.ravel(order="F") != label.background)


def _lost(below: Array, name: str, order: Sequence[str]) -> Overlaps:
    """Count the voxels of a label by the label that has them already."""
    if not below.any():
        return {}
    counts = np.bincount(below)
    return {(order[n - 1], name): int(counts[n]) for n in np.flatnonzero(counts).tolist() if n}


def _check(labels: Mapping[str, Volume], order: Sequence[str]) -> None:
    """Raise unless each label is in the order, has one value and the grid of the others."""
    if not labels:
        raise QuantityError("no label to merge; expected at least one")
    if len(set(order)) < len(order) or len(order) > MOST_LABELS:
        raise QuantityError(
            f"{len(order)} names of labels, {len(set(order))} distinct; expected at most "
            f"{MOST_LABELS}, each once"
        )
    grid = next(iter(labels.values())).grid
    for name, label in labels.items():
        if name not in order:
            raise QuantityError(f"label '{name}' is not in the order {', '.join(order)}")
        if not label.grid.same_as(grid):
            raise GeometryError(f"label '{name}' is on {label.grid!r}; expected {grid!r}")
        values = set(values_and_counts(label.array)[0].tolist()) - {label.background}
        if len(values) > 1:
            raise QuantityError(
                f"label '{name}' has {len(values)} values; expected one: name each value in a "
                "label map"
            )
