"""What a file holds, as it says it: the grid, the stored type, the rescale, and how to load the voxels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from hounsfield.core.errors import Problem
from hounsfield.core.grid import Grid
from hounsfield.core.volume import Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stored:
    """Voxels as a file has them, before anything is interpreted.

    `load()` gives (i, j, k), or (i, j, k, channel), of `dtype` in the file's own byte order, Fortran-ordered, maybe
    memory-mapped and read-only. Values mean stored * `slope` + `intercept`. `quantity`, `background` and `channels`
    are set where the file says them itself.
    """

    grid: Grid
    dtype: np.dtype[Any]
    load: Callable[[], Array]
    slope: float = 1.0
    intercept: float = 0.0
    channels: tuple[str, ...] = ()
    quantity: str | None = None
    background: float | None = None
    not_hu: str | None = None
    repairs: tuple[Problem, ...] = ()

    @property
    def is_rescaled(self) -> bool:
        """Whether the values differ from what is stored."""
        return self.slope != 1.0 or self.intercept != 0.0
