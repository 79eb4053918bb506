"""The base class of geometric steps; consecutive ones compose into one sampling."""

from __future__ import annotations

from typing import Literal

from hounsfield.core.errors import GeometryError, QuantityError
from hounsfield.core.grid import Grid
from hounsfield.core.overlap import check_overlap
from hounsfield.core.spec import Spec
from hounsfield.core.volume import Case, Volume
from hounsfield.resampling.axes import Method
from hounsfield.resampling.labels import sample_label
from hounsfield.resampling.one_pass import sample_volume
from hounsfield.resampling.sampling import Sampling, holds, resample_oblique, sampled_dtype

LabelMethod = Literal["nearest", "partial_volume"]


class GeometricStep:
    """A step that changes only the grid; a subclass defines `target` and the interpolation."""

    __slots__ = ()

    @property
    def interpolation(self) -> Method:
        """Interpolation of images."""
        return "auto"

    @property
    def label_interpolation(self) -> LabelMethod:
        """Interpolation of labels and masks."""
        return "nearest"

    def target(self, grid: Grid) -> Grid:
        """Return the grid of the result for an image on `grid`."""
        raise GeometryError(f"{type(self).__name__} has no target grid; it must define target()")

    def plan(self, spec: Spec) -> Spec:
        """Return the Spec on the new grid: float32 if values are interpolated, else unchanged.

        Raises GeometryError if no voxel of the new grid is inside the image.
        """
        grid = self.target(spec.grid)
        check_overlap(grid, spec.grid, what=f"{type(self).__name__}: the target grid")
        sampling = Sampling.between(spec.grid, grid, method=self.interpolation)
        dtype = sampled_dtype(spec.dtype, sampling, method=self.interpolation)
        if (sampling is None or sampling.pads) and not holds(dtype, spec.background):
            raise QuantityError(
                f"{type(self).__name__}: voxels of {dtype} cannot hold the background "
                f"{spec.background:g} of the padding; use another dtype or background"
            )
        return spec.replaced(grid=grid, dtype=dtype)

    def apply(self, case: Case) -> Case:
        """Sample image, labels and masks onto the new grid."""
        spec = self.plan(case.image.spec)
        sampling = Sampling.between(case.image.grid, spec.grid, method=self.interpolation)
        if sampling is None:
            image = Volume(resample_oblique(case.image, spec.grid, method=self.interpolation), spec)
        else:
            image = sample_volume(case.image, sampling, spec=spec)
        labels = {
            name: sample_label(label, spec.grid, sampling, method=self.label_interpolation)
            for name, label in case.labels.items()
        }
        masks = {
            name: sample_label(mask, spec.grid, sampling, method=self.label_interpolation)
            for name, mask in case.masks.items()
        }
        return Case(image, labels, masks)
