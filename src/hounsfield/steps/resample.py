"""Resample to a spacing, a shape or a grid over the same field of view."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hounsfield.core.errors import GeometryError
from hounsfield.core.grid import Grid
from hounsfield.core.resampled_axis import Fit
from hounsfield.core.volume import Volume
from hounsfield.resampling.axes import Method
from hounsfield.resampling.labels import LabelMethod
from hounsfield.steps.geometric import GeometricStep
from hounsfield.steps.parse import one_of, three_lengths, three_sizes


@dataclass(frozen=True, slots=True, kw_only=True)
class Resample(GeometricStep):
    """Resample to a spacing, a shape or the grid of another volume.

    Exactly one of `spacing_mm`, `shape` and `like` is needed. The field of view is kept, but for
    `like`. The output is float32 where anything is interpolated, else of the same dtype.

    Parameters
    ----------
    spacing_mm : float or sequence of float, optional
        Spacing, mm: one number for all axes, or three along (i, j, k).
    shape : sequence of int, optional
        Shape (i, j, k).
    like : Grid or Volume, optional
        The grid of the output.
    method : {'auto', 'nearest', 'linear', 'area', 'conservative', 'cubic'}, default 'auto'
        Interpolation of images; 'auto' is linear along axes that get finer, and averages along
        axes that get coarser.
    fit : {'exact_spacing', 'exact_fov'}, default 'exact_spacing'
        Whether to keep `spacing_mm` exactly, or change it so that the outer faces coincide.
    label_method : {'partial_volume', 'nearest'}, default 'partial_volume'
        Interpolation of labels and masks; 'partial_volume' takes the label with the largest share
        of each voxel.

    Raises
    ------
    GeometryError
        If not exactly one target is given, or a spacing or size is not positive.
    QuantityError
        If an option has an unknown value.

    Notes
    -----
    A single slice is resampled in plane only. See `Grid.resampled` for shape and origin.

    Examples
    --------
    >>> Resample(spacing_mm=1).spacing_mm
    (1.0, 1.0, 1.0)
    """

    spacing_mm: tuple[float, float, float] | float | Sequence[float] | None = None
    shape: tuple[int, int, int] | Sequence[int] | None = None
    like: Grid | Volume | None = None
    method: Method = "auto"
    fit: Fit = "exact_spacing"
    label_method: LabelMethod = "partial_volume"

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
        one_of(self.label_method, LabelMethod, name="label_method")
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
        return self.label_method

    def target(self, grid: Grid) -> Grid:
        """Return the new grid."""
        if self.like is not None:
            assert isinstance(self.like, Grid)
            return self.like
        if self.shape is not None:
            return grid.resampled(shape=self.shape)
        assert isinstance(self.spacing_mm, tuple)
        return grid.resampled(spacing_mm=self.spacing_mm, fit=self.fit)
