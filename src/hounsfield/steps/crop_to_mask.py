"""Crop to the bounding box of a mask."""

from __future__ import annotations

import math
from dataclasses import dataclass

from hounsfield.core.arguments import checked
from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.errors import GeometryError, RefusedError
from hounsfield.core.spec import Spec
from hounsfield.core.volume import Case
from hounsfield.kernels.mask import bounding_box
from hounsfield.steps.box import Box
from hounsfield.steps.fixed_mask import EMPTY_MASK, Empty, named_mask
from hounsfield.steps.parse import finite, one_of

WHOLE_VOXEL_TOLERANCE = 1e-6
"""Excess over an integer number of voxels, in voxels, that is rounding of the spacing."""


@checked
@dataclass(frozen=True, slots=True, kw_only=True)
class CropToMask:
    """Crop to the smallest box that contains a mask.

    Parameters
    ----------
    mask : str
        Name of a mask or label of the case.
    margin_mm : float, default 0
        Margin on every side, mm, rounded up to voxels and limited to the volume.
    empty : {'refuse', 'keep'}, default 'refuse'
        Refuse an empty mask, or keep the whole volume.

    Raises
    ------
    GeometryError
        If the margin is negative.

    Examples
    --------
    >>> CropToMask(mask="head", margin_mm=5)
    CropToMask(mask='head', margin_mm=5.0, empty='refuse')
    """

    mask: str
    margin_mm: float = 0.0
    empty: Empty = "refuse"

    def __post_init__(self) -> None:
        margin = finite(self.margin_mm, name="margin_mm")
        if margin < 0:
            raise GeometryError(f"margin_mm is {margin:g}; expected 0 or more")
        object.__setattr__(self, "margin_mm", margin)
        one_of(self.empty, Empty, name="empty")

    def plan(self, spec: Spec) -> Spec:
        """Return `spec`; before the mask is known, the grid can only be bounded by it."""
        return spec

    def resolve(self, case: Case) -> Box:
        """Return the box.

        Raises RefusedError if the mask is empty and `empty` is 'refuse', QuantityError if there is
        no such mask.
        """
        grid = case.image.grid
        found = bounding_box(named_mask(case, self.mask, step="CropToMask").array)
        if found is None and self.empty == "refuse":
            message = f"the mask '{self.mask}' is empty; use empty='keep' to keep the whole volume"
            raise RefusedError([Diagnostic(EMPTY_MASK, "refusal", message, "CropToMask")])
        kept = Diagnostic(
            EMPTY_MASK, "warning", f"the mask '{self.mask}' is empty; nothing is cropped"
        )
        start, shape = found if found is not None else ((0, 0, 0), grid.shape)
        wider = [
            math.ceil(self.margin_mm / step - WHOLE_VOXEL_TOLERANCE) for step in grid.spacing_mm
        ]
        first = [max(at - more, 0) for at, more in zip(start, wider, strict=True)]
        stop = [
            min(at + count + more, size)
            for at, count, more, size in zip(start, shape, wider, grid.shape, strict=True)
        ]
        return Box(
            start=first,
            shape=[b - a for a, b in zip(first, stop, strict=True)],
            diagnostics=() if found is not None else (kept,),
        )
