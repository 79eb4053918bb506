"""The base class of geometric steps; consecutive ones compose into one sampling."""

from __future__ import annotations

from hounsfield.core.errors import GeometryError, QuantityError
from hounsfield.core.grid import Grid
from hounsfield.core.overlap import check_overlap
from hounsfield.core.spec import Spec
from hounsfield.core.volume import Case, Volume
from hounsfield.resampling.axes import Method
from hounsfield.resampling.labels import LabelMethod, is_label, sample_label
from hounsfield.resampling.oblique import check_oblique, oblique_kernels, sample_oblique
from hounsfield.resampling.one_pass import sample_volume
from hounsfield.resampling.sampling import Sampling, holds, sampled_dtype


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

        Labels and masks keep their dtype, since they are never interpolated.
        Raises GeometryError if no voxel of the new grid is inside the image.
        """
        grid = self.target(spec.grid)
        check_overlap(grid, spec.grid, what=f"{type(self).__name__}: the target grid")
        sampling = Sampling.between(spec.grid, grid, method=self.interpolation)
        if sampling is None and not is_label(spec.quantity):
            check_oblique(self.interpolation)
        dtype = (
            spec.dtype
            if is_label(spec.quantity)
            else sampled_dtype(spec.dtype, sampling, method=self.interpolation)
        )
        if (sampling is None or sampling.pads) and not holds(dtype, spec.background):
            raise QuantityError(
                f"{type(self).__name__}: voxels of {dtype} cannot hold the background "
                f"{spec.background:g} of the padding; use another dtype or background"
            )
        return spec.replaced(grid=grid, dtype=dtype)

    def kernels(self, spec: Spec) -> tuple[str, str, str]:
        """Return how an image of `spec` is sampled.

        Parameters
        ----------
        spec : Spec
            The Spec of the input.

        Returns
        -------
        tuple of str
            'copy' or the interpolation, along each axis of the output; on an oblique grid along
            each axis of the input, such as 'conservative + linear'. For a label, that of labels.
        """
        grid = self.target(spec.grid)
        sampling = Sampling.between(spec.grid, grid, method=self.interpolation)
        if is_label(spec.quantity):
            names = ("",) * 3 if sampling is None else sampling.kernels
            i, j, k = (name if name == "copy" else self.label_interpolation for name in names)
            return (i, j, k)
        if sampling is None:
            return oblique_kernels(spec.grid, grid, method=self.interpolation)
        return sampling.kernels

    def apply(self, case: Case) -> Case:
        """Sample image, labels and masks onto the new grid."""
        spec = self.plan(case.image.spec)
        sampling = Sampling.between(case.image.grid, spec.grid, method=self.interpolation)
        if is_label(spec.quantity):
            image = sample_label(case.image, spec.grid, sampling, method=self.label_interpolation)
        elif sampling is None:
            image = Volume(sample_oblique(case.image, spec.grid, method=self.interpolation), spec)
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
