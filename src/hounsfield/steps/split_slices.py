"""Split a volume into slices at the end of a pipeline."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hounsfield.core.arguments import checked
from hounsfield.core.grid import Grid
from hounsfield.core.volume import Volume
from hounsfield.steps.geometric import GeometricStep
from hounsfield.steps.parse import one_of
from hounsfield.steps.slab import ACROSS, Plane


@checked
@dataclass(frozen=True, slots=True, kw_only=True)
class SplitSlices(GeometricStep):
    """Move the axis across a plane to the end, so that each k-slice is a slice of that plane.

    It is the last step: a run then writes a file for each slice, and `Result.slices` returns them.

    Parameters
    ----------
    plane : {'axial', 'coronal', 'sagittal'}, default 'axial'
        The plane of the slices.

    Raises
    ------
    QuantityError
        If the plane is unknown.

    Examples
    --------
    >>> SplitSlices(plane="coronal").plane
    'coronal'
    """

    plane: Plane = "axial"

    def __post_init__(self) -> None:
        one_of(self.plane, Plane, name="plane")

    def target(self, grid: Grid) -> Grid:
        """Return the grid with the axis perpendicular to the plane last."""
        across = next(
            n for n, (world, _) in enumerate(grid.axis_codes) if world == ACROSS[self.plane]
        )
        return grid.permuted([n for n in range(3) if n != across] + [across])


def slices(volume: Volume) -> Iterator[Volume]:
    """Yield each k-slice as a volume (i, j, 1) with its own affine; views, not copies."""
    for k in range(volume.grid.shape[2]):
        grid = volume.grid.boxed((0, 0, k), (volume.grid.shape[0], volume.grid.shape[1], 1))
        yield Volume(volume.array[:, :, k : k + 1], volume.spec.replaced(grid=grid))
