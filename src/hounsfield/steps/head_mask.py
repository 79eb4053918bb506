"""Segment the head: without headrest, table and tubes, with its air cavities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from hounsfield.steps.outline_mask import OutlineMask

CELL_MM = 1.5
"""Cell size: half of the gap of about 3 mm between a head and the shell of its headrest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadMask(OutlineMask):
    """Add the mask 'head': the largest component within the skin, with sinuses and airways.
    Voxels of `tissue_hu` and above are tissue (-400: midway between air and skin, above foam, hair
    and blankets). An opening by a ball of radius `bridge_mm` removes sheets thinner than twice
    that; ears and nose are restored. The head must contain a ball of radius `core_mm`. Openings
    narrower than twice `closing_mm` (nostrils, ear canals) are closed, so that the air behind them
    is inside. `empty`: refuse a scan without a head, or keep the empty mask.

    >>> HeadMask(bridge_mm=4).bridge_mm
    4.0
    """

    adds: ClassVar[str] = "head"
    cell_mm: ClassVar[float] = CELL_MM
    single: ClassVar[bool] = True
