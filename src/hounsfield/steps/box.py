"""Crop and pad to a box of voxels, the basis of the other crop steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from hounsfield.core.arguments import checked
from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.grid import Grid
from hounsfield.steps.geometric import GeometricStep
from hounsfield.steps.parse import three_points, three_sizes, whole


@checked
@dataclass(frozen=True, slots=True, kw_only=True)
class Box(GeometricStep):
    """Crop or pad to a box of voxels; crops are resolved to it in a record.

    Parameters
    ----------
    start : sequence of int
        First voxel (i, j, k); negative values lie before the first voxel of the input.
    shape : sequence of int
        Shape (i, j, k). Voxels outside of the input are background.
    diagnostics : tuple of Diagnostic, default ()
        What was found while the box was computed; not in a file.

    Raises
    ------
    GeometryError
        If `start` is not three integers, or a size is not positive.

    Examples
    --------
    >>> Box(start=(0, 0, -1), shape=(4, 4, 4)).shape
    (4, 4, 4)
    """

    start: tuple[int, int, int] | Sequence[int]
    shape: tuple[int, int, int] | Sequence[int]
    diagnostics: tuple[Diagnostic, ...] = field(
        default=(), repr=False, compare=False, metadata={"record": False}
    )
    """What was found while the box was computed; a record has it in its list of diagnostics."""

    def __post_init__(self) -> None:
        start = three_points(self.start, name="start")
        object.__setattr__(self, "start", tuple(whole(value, name="start") for value in start))
        object.__setattr__(self, "shape", three_sizes(self.shape, name="shape"))

    def target(self, grid: Grid) -> Grid:
        """Return the grid of the box."""
        return grid.boxed(self.start, self.shape)
