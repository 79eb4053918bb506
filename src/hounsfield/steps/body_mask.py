"""Segment the patient's body: without table and tubes, with lungs, bowel gas and limbs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from hounsfield.core.arguments import checked
from hounsfield.steps.outline_mask import OutlineMask

CELL_MM = 2.0
"""Cell size: a quarter of the thinnest table connected to a patient, two pixels of a body scan."""


@checked
@dataclass(frozen=True, slots=True, kw_only=True)
class BodyMask(OutlineMask):
    """Find the patient's body and add it as the mask 'body', without table and tubes.

    The mask has everything within the skin, with lungs and gas, and every part of the patient, such
    as both thighs or a separate arm.

    Parameters
    ----------
    tissue_hu : float, default -400
        Lowest HU of tissue: midway between air and skin.
    bridge_mm : float, default 4
        What a ball of this radius cannot sweep is removed, such as table tops thinner than twice
        that, mm.
    core_mm : float, default 10
        Radius of a ball that each part of the body must contain, mm.
    closing_mm : float, default 5
        Openings narrower than twice this are closed, so that the air behind them is inside, mm.
    empty : {'refuse', 'keep'}, default 'refuse'
        Refuse a scan without a body, or add an empty mask.

    Raises
    ------
    QuantityError
        If a parameter is invalid.

    Notes
    -----
    A part has at least a fiftieth of the volume of the largest one. The method is that of
    design/masks.md.

    Examples
    --------
    >>> BodyMask().tissue_hu
    -400.0
    """

    adds: ClassVar[str] = "body"
    cell_mm: ClassVar[float] = CELL_MM
    single: ClassVar[bool] = False

    bridge_mm: float = 4.0
