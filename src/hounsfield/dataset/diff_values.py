"""Compare the voxels of two images or label maps, slab by slab."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.errors import QuantityError
from hounsfield.core.grid import Grid
from hounsfield.core.policy import ReadPolicy
from hounsfield.core.spec import Quantity
from hounsfield.core.stack import Stack
from hounsfield.core.volume import Array

SLAB_VOXELS = 1 << 21
"""Voxels that are compared at once; two slabs in float64 have 32 MB."""

ANY_VALUES = ReadPolicy(assume="hu", assume_affine="RAS")
"""The read policy of outputs: their values are of any quantity."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """The grid of an image and its values, slab by slab along k."""

    grid: Grid
    source: Stack | Array

    def slabs(self) -> Iterator[NDArray[np.float64]]:
        """Yield the values, as float64 (i, j, some of k, and channels)."""
        i, j, k = self.grid.shape
        step = max(1, SLAB_VOXELS // (i * j))
        for start in range(0, k, step):
            stop = min(k, start + step)
            if isinstance(self.source, Stack):
                slab = self.source.slab(start, stop).astype(np.float64)
                yield slab * self.source.slopes[start:stop] + self.source.intercepts[start:stop]
            else:
                yield self.source[:, :, start:stop].astype(np.float64)


def open_values(path: Path) -> Values:
    """Open an output; an image with channels or of DICOM is read as a whole.

    Raises the errors of `open_stack`.
    """
    from hounsfield.io.open import declared_quantity, open_stack, read_volume

    quantity: Quantity = declared_quantity(path, policy=ANY_VALUES) or "other"
    try:
        stack = open_stack(path, policy=ANY_VALUES, quantity=quantity)
    except QuantityError:
        volume = read_volume(path, quantity=quantity, policy=ANY_VALUES)
        return Values(grid=volume.grid, source=volume.array)
    if stack.padding is not None or not stack.is_regular:
        return Values(grid=stack.grid, source=stack.volume().array)
    return Values(grid=stack.grid, source=stack)


@dataclass(slots=True)
class ValueDifference:
    """The differences of two images with one shape, added up over slabs.

    A voxel that is NaN in both is equal; one that is not finite in one of them counts as different
    and is left out of maximum, mean and root mean square.
    """

    voxels: int = 0
    different: int = 0
    maximum: float = 0.0
    total: float = 0.0
    squares: float = 0.0

    def add(self, first: NDArray[np.float64], second: NDArray[np.float64]) -> None:
        """Add a slab."""
        is_other = ~((first == second) | (np.isnan(first) & np.isnan(second)))
        self.voxels += first.size
        self.different += int(np.count_nonzero(is_other))
        with np.errstate(invalid="ignore"):
            distances = np.abs(first[is_other] - second[is_other])
        distances = distances[np.isfinite(distances)]
        if distances.size:
            self.maximum = max(self.maximum, float(distances.max()))
            self.total += float(distances.sum())
            self.squares += float(np.square(distances).sum())

    def to_json(self) -> dict[str, Any]:
        """Return the differences as plain data; mean and rms are over all voxels."""
        count = max(1, self.voxels)
        return {
            "voxels": self.voxels,
            "share_different": self.different / count,
            "max_abs": self.maximum,
            "mean_abs": self.total / count,
            "rms": float(np.sqrt(self.squares / count)),
        }


@dataclass(slots=True)
class Overlap:
    """The voxels of each label in two maps and in both, added up over slabs."""

    first: Counter[int] = field(default_factory=Counter)
    second: Counter[int] = field(default_factory=Counter)
    both: Counter[int] = field(default_factory=Counter)

    def add(self, first: NDArray[np.float64], second: NDArray[np.float64]) -> None:
        """Add a slab."""
        self.first += _counts(first)
        self.second += _counts(second)
        self.both += _counts(first[first == second])

    @property
    def dice(self) -> dict[str, float]:
        """Dice's coefficient of each label but 0: 2 |A and B| / (|A| + |B|) (Dice 1945)."""
        labels = sorted({*self.first, *self.second} - {0})
        return {
            str(label): 2 * self.both[label] / (self.first[label] + self.second[label])
            for label in labels
        }


def _counts(values: NDArray[np.float64]) -> Counter[int]:
    found, counts = np.unique(values[np.isfinite(values)], return_counts=True)
    return Counter({int(value): int(n) for value, n in zip(found, counts, strict=True)})
