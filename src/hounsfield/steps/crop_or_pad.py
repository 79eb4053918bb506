"""Bring each axis to a given size: crop what is larger, pad what is smaller."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hounsfield.core.errors import QuantityError
from hounsfield.core.grid import Grid
from hounsfield.core.volume import Case
from hounsfield.steps.box import Box
from hounsfield.steps.geometric import GeometricStep
from hounsfield.steps.parse import three_sizes


@dataclass(frozen=True, slots=True, kw_only=True)
class CropOrPad(GeometricStep):
    """Crop or pad to `shape` (None, or 0 in a file: leave that axis alone) around `center`.

    `center` is 'grid', the middle of the volume, or the name of a mask or label, the middle of whose box is taken.
    An odd voxel is cropped or padded at the end. Padding takes the volume's background.
    """

    shape: tuple[int | None, int | None, int | None] | Sequence[int | None]
    center: str = "grid"

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", three_sizes(self.shape, name="shape", optional=True))

    @property
    def needs_voxels(self) -> bool:
        """Whether a mask has to be looked at first."""
        return self.center != "grid"

    def target(self, grid: Grid) -> Grid:
        """The grid of that shape around the middle (of the volume, while no mask has been looked at)."""
        return self._box(grid.shape, [(size - 1) / 2 for size in grid.shape]).target(grid)

    def resolve(self, case: Case) -> Box:
        """The box around the middle of the mask's own box; raises QuantityError where there is none, or it is empty."""
        mask = {**case.labels, **case.masks}.get(self.center)
        if mask is None:
            known = ", ".join([*case.masks, *case.labels]) or "none"
            raise QuantityError(
                f"CropOrPad: there is no mask or label '{self.center}' (there is {known})"
            )
        middle = []
        for axis in range(3):
            used = np.flatnonzero(mask.array.any(axis=tuple(n for n in range(3) if n != axis)))
            if not len(used):
                raise QuantityError(
                    f"CropOrPad: the mask '{self.center}' is empty, so it has no middle"
                )
            middle.append((int(used[0]) + int(used[-1])) / 2)
        return self._box(case.image.grid.shape, middle)

    def _box(self, shape: tuple[int, int, int], middle: Sequence[float]) -> Box:
        sizes = [
            size if wanted is None else wanted
            for size, wanted in zip(shape, self.shape, strict=True)
        ]
        # int() cuts towards 0, which is what leaves an odd voxel to the end, whether it is cropped or padded.
        start = [
            0 if wanted is None else int(centre - (size - 1) / 2)
            for wanted, size, centre in zip(self.shape, sizes, middle, strict=True)
        ]
        return Box(start=start, shape=sizes)
