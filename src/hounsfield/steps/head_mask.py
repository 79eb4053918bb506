"""Segment the head: without headrest, table and tubes, with its air cavities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from hounsfield.core.arguments import checked
from hounsfield.steps.outline_mask import OutlineMask

CELL_MM = 1.5
"""Cell size: half of the gap of about 3 mm between a head and the shell of its headrest."""


@checked
@dataclass(frozen=True, slots=True, kw_only=True)
class HeadMask(OutlineMask):
    """Find the head and add it as the mask 'head', without headrest, table and tubes.

    The mask is the largest object within the skin, with nose, ears, sinuses, ear canals and
    airways. Warnings name what tells that it is no head (MASK_DOUBTFUL) and what touches it but was
    left out (MASK_CUT).

    Parameters
    ----------
    tissue_hu : float, default -400
        Lowest HU of tissue: midway between air and skin, above foam, hair and blankets.
    bridge_mm : float, default 5
        What a ball of this radius cannot sweep is removed, such as sheets thinner than twice that;
        what joins the head as ears and a nose do is restored, mm.
    core_mm : float, default 10
        Radius of a ball that the head must contain, mm.
    closing_mm : float, default 5
        Openings narrower than twice this (nostrils, ear canals) are closed, so that the air behind
        them is inside, mm.
    empty : {'refuse', 'keep'}, default 'refuse'
        Refuse a scan without a head, or add an empty mask.

    Raises
    ------
    QuantityError
        If a parameter is invalid.

    Notes
    -----
    The method is that of design/masks.md.

    Examples
    --------
    >>> HeadMask(bridge_mm=4).bridge_mm
    4.0
    """

    adds: ClassVar[str] = "head"
    cell_mm: ClassVar[float] = CELL_MM
    single: ClassVar[bool] = True
