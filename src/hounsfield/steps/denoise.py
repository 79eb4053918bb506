"""Reduce noise by a median or Gaussian filter whose size is in millimetres."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from hounsfield.core.arguments import checked
from hounsfield.core.errors import QuantityError
from hounsfield.core.spec import Spec
from hounsfield.core.volume import Array, Case, Volume
from hounsfield.resampling.sampling import each_channel
from hounsfield.steps.base import image_only
from hounsfield.steps.parse import length_mm, one_of
from hounsfield.steps.pointwise import require

Filter = Literal["median", "gaussian"]


@checked
@dataclass(frozen=True, slots=True, kw_only=True)
class Denoise:
    """Smooth noise by a 3D median or Gaussian filter whose size is in millimetres.

    Edges are continued. The dtype is kept by the median; the Gaussian gives float32.

    Parameters
    ----------
    method : {'median', 'gaussian'}
        The filter.
    radius_mm : float or None, default None
        Radius of the ball of the median, mm; only for ``method="median"``.
    sigma_mm : float or None, default None
        Standard deviation of the Gaussian, mm; only for ``method="gaussian"``.

    Raises
    ------
    QuantityError
        If the size of the method is missing or not positive, if the other one is given, or if the
        method is unknown.

    Notes
    -----
    The ball has the voxels whose centres lie within `radius_mm`: the median leaves an axis alone
    whose spacing is larger.

    Examples
    --------
    >>> Denoise(method="median", radius_mm=1).method
    'median'
    """

    method: Filter
    radius_mm: float | None = None
    sigma_mm: float | None = None

    def __post_init__(self) -> None:
        one_of(self.method, Filter, name="method")
        sizes = {"median": ("radius_mm", "sigma_mm"), "gaussian": ("sigma_mm", "radius_mm")}
        wanted, other = sizes[self.method]
        if getattr(self, wanted) is None or getattr(self, other) is not None:
            raise QuantityError(f"method='{self.method}' takes {wanted}, not {other}")
        length_mm(self._size_mm, name=wanted)

    @property
    def _size_mm(self) -> float:
        size = self.radius_mm if self.method == "median" else self.sigma_mm
        assert size is not None
        return size

    def plan(self, spec: Spec) -> Spec:
        """Return the Spec of the filtered image."""
        require(spec, "hu", "unit", "standardized", "display", "other", step="Denoise")
        return spec if self.method == "median" else spec.replaced(dtype=np.dtype(np.float32))

    def apply(self, case: Case) -> Case:
        """Filter the image; labels and masks are unchanged."""
        spec = self.plan(case.image.spec)
        array = each_channel(case.image.array, lambda channel: self._filtered(channel, spec))
        return image_only(case, Volume(array, spec))

    def _filtered(self, array: Array, spec: Spec) -> Array:
        from scipy.ndimage import gaussian_filter, median_filter

        spacing = np.array(spec.grid.spacing_mm)
        if array.dtype == np.float16:  # which scipy does not take
            array = array.astype(np.float32)
        dtype = array.dtype if self.method == "median" else np.dtype(np.float32)
        out = np.empty(array.shape, dtype=dtype, order="F")
        if self.method == "gaussian":
            gaussian_filter(array, self._size_mm / spacing, output=out, mode="nearest")
            return out
        reach = np.floor(self._size_mm / spacing + 1e-6).astype(int)
        offsets = np.meshgrid(
            *(np.arange(-r, r + 1) * s for r, s in zip(reach, spacing, strict=True)), indexing="ij"
        )
        ball = sum(offset**2 for offset in offsets) <= self._size_mm**2 * (1 + 1e-6)
        median_filter(array, footprint=ball, output=out, mode="nearest")
        return np.asarray(out, dtype=spec.dtype)
