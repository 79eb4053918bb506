"""Set everything outside a mask to the background."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hounsfield.core.arguments import checked
from hounsfield.core.errors import QuantityError
from hounsfield.core.spec import Spec
from hounsfield.core.volume import Case, Volume
from hounsfield.steps.base import image_only
from hounsfield.steps.fixed_mask import named_mask


@checked
@dataclass(frozen=True, slots=True, kw_only=True)
class FillOutside:
    """Set all voxels outside of a mask to the background, -1024 in HU.

    Parameters
    ----------
    mask : str
        Name of a mask or label of the case.

    Examples
    --------
    >>> FillOutside(mask="head")
    FillOutside(mask='head')
    """

    mask: str

    def plan(self, spec: Spec) -> Spec:
        """Return the Spec; raises QuantityError if the dtype cannot represent the background."""
        if (
            spec.dtype.kind in "biu"
            and np.array(spec.background).astype(spec.dtype) != spec.background
        ):
            raise QuantityError(
                f"FillOutside: voxels of {spec.dtype} cannot hold the background "
                f"{spec.background:g}; use another dtype or background"
            )
        if spec.bounds is None:
            return spec
        low, high = spec.bounds
        return spec.replaced(bounds=(min(low, spec.background), max(high, spec.background)))

    def apply(self, case: Case) -> Case:
        """Fill the image; labels and masks are unchanged."""
        spec = self.plan(case.image.spec)
        outside = named_mask(case, self.mask, step="FillOutside").array == 0
        filled = case.image.array.copy(order="F")
        background = np.asarray(spec.outside, dtype=spec.dtype)
        np.copyto(filled, background, where=outside[..., None] if spec.channels else outside)
        return image_only(case, Volume(filled, spec))
