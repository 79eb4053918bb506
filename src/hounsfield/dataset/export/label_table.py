"""The labels of a cohort, numbered without gaps from 1, and the label map of a case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hounsfield.core.errors import GeometryError
from hounsfield.core.grid import Grid
from hounsfield.core.policy import DEFAULT_POLICY
from hounsfield.core.volume import Array, Volume

BACKGROUND = "background"
"""The name of the value 0, which no label may have."""

Values = Mapping[str, tuple[int, ...]]
"""The values over 0 of each label file of a case, by the name of the label."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelTable:
    """The names of the labels; the value of `names[n]` is n + 1.

    `numbers` are these values by the name of a label file and a value in it.
    """

    names: tuple[str, ...]
    numbers: Mapping[tuple[str, int], int]

    def present(self, values: Values) -> tuple[str, ...]:
        """Return the names of the labels of a case, in order."""
        found = {self.numbers[name, value] for name, some in values.items() for value in some}
        return tuple(self.names[number - 1] for number in sorted(found))


def label_table(cases: Sequence[Values], *, order: Sequence[str] = ()) -> LabelTable:
    """Number the labels of all cases: those in `order` first, then by name and value.

    A file with the value 1 alone is one label; a label map has one label NAME-VALUE for each value.

    >>> label_table([{"liver": (1,), "seg": (2, 5)}], order=["seg"]).names
    ('seg-2', 'seg-5', 'liver')
    """
    found: dict[str, set[int]] = {}
    for each in cases:
        for name, values in each.items():
            found.setdefault(name, set()).update(values)
    rank = {name: n for n, name in enumerate(order)}
    names: list[str] = []
    numbers: dict[tuple[str, int], int] = {}
    for name in sorted(found, key=lambda name: (rank.get(name, len(rank)), name)):
        numbered = sorted(found[name]) or [1]  # empty in all cases: still a label of the data set
        for value in numbered:
            numbers[name, value] = len(numbers) + 1
            plain = f"{name}-label" if name == BACKGROUND else name
            names.append(plain if numbered == [1] else f"{plain}-{value}")
    return LabelTable(names=tuple(names), numbers=numbers)


def read_label(path: Path, grid: Grid) -> Volume:
    """Read a label of a run; raises GeometryError unless it is on the grid of the image."""
    from hounsfield.io.open import read_volume

    volume = read_volume(path, quantity="label", policy=DEFAULT_POLICY)
    if not volume.grid.same_as(grid):
        raise GeometryError("a label is not on the grid of the image; run the case again")
    return volume


def values_of(volume: Volume) -> tuple[int, ...]:
    """Return the values over 0 of a label, slice by slice."""
    found: set[int] = set()
    for k in range(volume.shape[2]):
        found.update(np.flatnonzero(np.bincount(_flat(volume.array[:, :, k]))).tolist())
    return tuple(sorted(found - {0}))


def _flat(array: Array) -> Array:
    return array.ravel(order="K").astype(np.intp, copy=False)


def merged(
    labels: Mapping[str, Volume], table: LabelTable
) -> tuple[Volume, dict[tuple[str, str], int]]:
    """Return the label map of a case with the values of the table, and the overlaps.

    The overlaps are numbers of voxels by the names of the label that is kept and of the other.
    """
    if len(labels) == 1:
        ((name, volume),) = labels.items()
        return _renumbered(volume, name, table), {}
    from hounsfield.dataset.label_map.merge import merge_labels

    masks: dict[str, Volume] = {}
    for name, volume in labels.items():
        for value in values_of(volume):
            spec = volume.spec.replaced(dtype=np.dtype(np.uint8), quantity="mask", bounds=None)
            inside = (volume.array == value).astype(np.uint8, order="F")
            masks[table.names[table.numbers[name, value] - 1]] = Volume(inside, spec)
    if not masks:
        name, volume = next(iter(labels.items()))
        return _renumbered(volume, name, table), {}
    made, overlaps = merge_labels(masks, order=table.names)
    return made, dict(overlaps)


def _renumbered(volume: Volume, name: str, table: LabelTable) -> Volume:
    """Return a label map with other values; each slice has its own temporary arrays."""
    mine = {value: number for (of, value), number in table.numbers.items() if of == name}
    dtype = np.dtype(np.uint8 if len(table.names) <= 255 else np.uint16)
    numbers = np.zeros(max(mine, default=0) + 1, dtype=dtype)
    for value, number in mine.items():
        numbers[value] = number
    made = np.empty(volume.shape, dtype=dtype, order="F")
    for k in range(volume.shape[2]):
        made[:, :, k] = numbers[volume.array[:, :, k].astype(np.intp, copy=False)]
    return Volume(made, volume.spec.replaced(dtype=dtype, quantity="label", bounds=None))
