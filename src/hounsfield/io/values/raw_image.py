"""An image as stored in a file, before its values are interpreted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import refused
from hounsfield.core.grid import Grid
from hounsfield.core.spec import Quantity
from hounsfield.io.bytes.gzip.stream import GzipVoxels
from hounsfield.io.bytes.source_file import Voxels

LARGEST_SIZE = 65_536
"""Largest size along an axis, far above any scan; it bounds tables with one entry per slice."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RawImage:
    """A grid, stored dtype and rescale, and a function that loads the voxels.

    `load()` returns (i, j, k) or (i, j, k, channel) of `dtype` in the file's byte order,
    Fortran-ordered, or PlainVoxels, which reads slices from the file. A value is stored * `slope` +
    `intercept`.
    `quantity`, `background`, `backgrounds` and `channels` are set if the file declares them.
    `packed` gives streaming access to compressed voxels.
    """

    grid: Grid
    dtype: np.dtype[Any]
    load: Callable[[], Voxels]
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
                f"image size {' x '.join(map(str, self.grid.shape))}; expected at most "
                f"{LARGEST_SIZE} voxels along an axis",
            )

    @property
    def is_rescaled(self) -> bool:
        """Whether values differ from stored values."""
        return self.slope != 1.0 or self.intercept != 0.0
