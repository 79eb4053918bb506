"""Merge labels that may overlap into one label map with consecutive values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from hounsfield.core.errors import GeometryError
from hounsfield.core.volume import Volume


def merge_labels(
    labels: Mapping[str, Volume], *, order: Sequence[str]
) -> tuple[Volume, dict[tuple[str, str], int]]:
    """Return a label map in which the label `order[n]` has the value n + 1, and the overlaps.

    `order` says which label wins an overlap: the first. The overlaps are numbers of voxels by the
    names of the winner and of the label that lost them. Raises GeometryError unless all labels have
    one grid.
    """
    first = next(iter(labels.values()))
    if not all(each.grid.same_as(first.grid) for each in labels.values()):
        raise GeometryError("the labels have different grids; expected one grid for all of them")
    dtype = np.dtype(np.uint8 if len(order) <= 255 else np.uint16)
    made = np.zeros(first.shape, dtype=dtype, order="F")
    overlaps: dict[tuple[str, str], int] = {}
    names = [name for name in order if name in labels]
    for name in names:
        inside = labels[name].array > 0
        for winner in names[: names.index(name)]:
            count = int(np.count_nonzero(inside & (made == order.index(winner) + 1)))
            if count:
                overlaps[winner, name] = count
        made[inside & (made == 0)] = order.index(name) + 1
    spec = first.spec.replaced(dtype=dtype, quantity="label", bounds=None)
    return Volume(made, spec), overlaps
