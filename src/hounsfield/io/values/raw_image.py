"""What a file holds, as it says it: the grid, the stored type, the rescale, and how to load the voxels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import refused
from hounsfield.core.grid import Grid
from hounsfield.core.spec import Quantity
from hounsfield.core.volume import Array
from hounsfield.io.bytes.gzip.stream import GzipVoxels

LARGEST_SIZE = 65_536
"""No scan comes near it along any axis, and tables of one entry per slice stay small, whatever a header declares."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RawImage:
    """Voxels as a file has them, before anything is interpreted.

    `load()` gives (i, j, k), or (i, j, k, channel), of `dtype` in the file's own byte order, Fortran-ordered, maybe
    memory-mapped and read-only. Values mean stored * `slope` + `intercept`. `quantity`, `background`, `backgrounds` and `channels`
    are set where the file says them itself. `packed` is where the voxels lie compressed, so that they can be read in
    order without holding them all.
    """

    grid: Grid
    dtype: np.dtype[Any]
    load: Callable[[], Array]
    slope: float = 1.0
    intercept: float = 0.0
    channels: tuple[str, ...] = ()
    quantity: Quantity | None = None
    background: float | None = None
    backgrounds: tuple[float, ...] = ()
    not_hu: str | None = None
    diagnostics: tuple[Diagnostic, ...] = ()
    packed: GzipVoxels | None = None

    def __post_init__(self) -> None:
        if max(self.grid.shape) > LARGEST_SIZE:
            raise refused(
                "TOO_LARGE",
                f"the file declares {' x '.join(map(str, self.grid.shape))} voxels; no scan "
                f"has over {LARGEST_SIZE} along an axis",
            )

    @property
    def is_rescaled(self) -> bool:
        """Whether the values differ from what is stored."""
        return self.slope != 1.0 or self.intercept != 0.0
