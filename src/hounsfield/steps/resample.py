"""Resample to a spacing, a shape or a grid over the same field of view."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hounsfield.core.errors import GeometryError
from hounsfield.core.grid import Fit, Grid
from hounsfield.core.volume import Volume
from hounsfield.resampling.axes import Method
from hounsfield.steps.geometric import GeometricStep, LabelMethod
from hounsfield.steps.parse import one_of, three_lengths, three_sizes


@dataclass(frozen=True, slots=True, kw_only=True)
class Resample(GeometricStep):
    """Resample to a spacing in mm (one number or three), a shape, or the grid of another volume.

    The spacing is exactly as given and the field of view is kept (see Grid.resampled); a single
    slice is resampled in plane only. `method` auto is linear if an axis gets finer and averages if
    it gets coarser; linear, area, conservative, cubic and nearest select one method. `labels`:
    nearest, or partial_volume, which gives each voxel the label with the largest fraction of it.
    Image dtype out: float32, but unchanged if nothing is interpolated.

    >>> Resample(spacing_mm=1).spacing_mm
    (1.0, 1.0, 1.0)
    """

    spacing_mm: tuple[float, float, float] | float | Sequence[float] | None = None
    shape: tuple[int, int, int] | Sequence[int] | None = None
    like: Grid | Volume | None = None
    method: Method = "auto"
    fit: Fit = "exact_spacing"
    labels: LabelMethod = "partial_volume"

    def __post_init__(self) -> None:
        given = [
            name for name in ("spacing_mm", "shape", "like") if getattr(self, name) is not None
        ]
        if len(given) != 1:
            raise GeometryError(
                "Resample needs exactly one of spacing_mm, shape and like, "
                f"not {' and '.join(given) or 'none'}"
            )
        one_of(self.method, Method, name="method")
        one_of(self.fit, Fit, name="fit")
        one_of(self.labels, LabelMethod, name="labels")
        if self.spacing_mm is not None:
            object.__setattr__(
                self, "spacing_mm", three_lengths(self.spacing_mm, name="spacing_mm")
            )
        if self.shape is not None:
            object.__setattr__(self, "shape", three_sizes(self.shape, name="shape"))
        if isinstance(self.like, Volume):
            object.__setattr__(self, "like", self.like.grid)

    @property
    def interpolation(self) -> Method:
        """Interpolation of images."""
        return self.method

    @property
    def label_interpolation(self) -> LabelMethod:
        """Interpolation of labels and masks."""
        return self.labels

    def target(self, grid: Grid) -> Grid:
        """Return the new grid."""
        if self.like is not None:
            assert isinstance(self.like, Grid)
            return self.like
        if self.shape is not None:
            return grid.resampled(shape=self.shape)
        assert isinstance(self.spacing_mm, tuple)
        return grid.resampled(spacing_mm=self.spacing_mm, fit=self.fit)
