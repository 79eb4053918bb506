"""What geometric steps share: they change the grid alone, and any run of them is one sampling."""

from __future__ import annotations

from typing import Literal

from hounsfield.core.errors import GeometryError, QuantityError
from hounsfield.core.grid import Grid
from hounsfield.core.spec import Spec
from hounsfield.core.volume import Case, Volume
from hounsfield.resampling.axes import Method
from hounsfield.resampling.labels import sample_label
from hounsfield.resampling.one_pass import sample_volume
from hounsfield.resampling.sampling import Sampling, holds, resample_oblique, sampled_dtype

LabelMethod = Literal["nearest", "partial_volume"]


class GeometricStep:
    """A step that changes the grid alone; a subclass says which grid in `target`, and how to interpolate."""

    __slots__ = ()

    @property
    def interpolation(self) -> Method:
        """How images are interpolated where samples fall between voxels."""
        return "auto"

    @property
    def label_interpolation(self) -> LabelMethod:
        """How labels and masks are."""
        return "nearest"

    def target(self, grid: Grid) -> Grid:
        """The grid that this step makes of `grid`."""
        raise GeometryError(f"{type(self).__name__} does not say which grid it makes")

    def plan(self, spec: Spec) -> Spec:
        """The same values on the new grid; float32 where they are interpolated, else of the same dtype."""
        grid = self.target(spec.grid)
        sampling = Sampling.between(spec.grid, grid, method=self.interpolation)
        dtype = sampled_dtype(spec.dtype, sampling, method=self.interpolation)
        if (sampling is None or sampling.pads) and not holds(dtype, spec.background):
            raise QuantityError(
                f"{type(self).__name__}: voxels of {dtype} cannot hold the background {spec.background:g} "
                f"that it pads with"
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
