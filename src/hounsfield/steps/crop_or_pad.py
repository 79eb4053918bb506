"""Crop or pad each axis to a given size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hounsfield.core.arguments import checked
from hounsfield.core.errors import QuantityError
from hounsfield.core.grid import Grid
from hounsfield.core.volume import Case
from hounsfield.steps.box import Box
from hounsfield.steps.geometric import GeometricStep
from hounsfield.steps.parse import three_sizes


@checked
@dataclass(frozen=True, slots=True, kw_only=True)
class CropOrPad(GeometricStep):
    """Crop or pad each axis to a given size.

    An odd voxel is cropped or padded at the end. Padding is the background.

    Parameters
    ----------
    shape : sequence of int or None
        Size of each axis (i, j, k); None (0 in a file) keeps that of the input.
    center : str, default 'grid'
        What is to be in the middle: 'grid', the middle of the volume, or the name of a mask or
        label, the middle of its bounding box.

    Raises
    ------
    GeometryError
        If a size is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> CropOrPad(shape=(8, 8, None)).target(Grid((9, 5, 3), np.eye(4))).shape
    (8, 8, 3)
    """

    shape: tuple[int | None, int | None, int | None] | Sequence[int | None]
    center: str = "grid"

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", three_sizes(self.shape, name="shape", optional=True))

    @property
    def needs_voxels(self) -> bool:
        """Whether the centre is that of a mask or label."""
        return self.center != "grid"

    def target(self, grid: Grid) -> Grid:
        """Return the grid of that shape around the centre of the volume."""
        return self._box(grid.shape, [(size - 1) / 2 for size in grid.shape]).target(grid)

    def resolve(self, case: Case) -> Box:
        """Return the box around the centre of the mask's bounding box.

        Raises QuantityError if the mask is missing or empty.
        """
        mask = {**case.labels, **case.masks}.get(self.center)
        if mask is None:
            known = ", ".join([*case.masks, *case.labels]) or "none"
            raise QuantityError(
                f"CropOrPad: no mask or label '{self.center}'; expected 'grid' or one of: {known}"
            )
        middle = []
        for axis in range(3):
            used = np.flatnonzero(mask.array.any(axis=tuple(n for n in range(3) if n != axis)))
            if not len(used):
                raise QuantityError(
                    f"CropOrPad: the mask '{self.center}' is empty; "
                    "use another mask or center='grid'"
                )
            middle.append((int(used[0]) + int(used[-1])) / 2)
        return self._box(case.image.grid.shape, middle)

    def _box(self, shape: tuple[int, int, int], middle: Sequence[float]) -> Box:
        sizes = [
            size if wanted is None else wanted
            for size, wanted in zip(shape, self.shape, strict=True)
        ]
        # int() truncates towards 0, so an odd voxel is cropped or padded at the end.
        start = [
            0 if wanted is None else int(centre - (size - 1) / 2)
            for wanted, size, centre in zip(self.shape, sizes, middle, strict=True)
        ]
        return Box(start=start, shape=sizes)
