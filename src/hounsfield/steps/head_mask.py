"""Find the head: headrest, table and tubes cut off, air cavities inside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from hounsfield.steps.outline_mask import OutlineMask

CELL_MM = 1.5
"""Half of the gap of a few mm that remains between a head and the shell of its headrest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadMask(OutlineMask):
    """Add the mask 'head': the largest object of a head scan within its skin, sinuses and airways included.

    Voxels from `tissue_hu` on are tissue (-400: midway between air and skin, above foam, hair and blankets). What a
    ball of radius `bridge_mm` cannot sweep is cut off, so sheets thinner than twice that go; ears and nose come back.
    Somewhere the head must hold a ball of `core_mm`. Openings narrower than twice `closing_mm` (nostrils, ear canals)
    close, so that the air behind them is inside. `empty`: refuse a scan without a head, or keep the empty mask.

    >>> HeadMask(bridge_mm=4).bridge_mm
    4.0
    """

    adds: ClassVar[str] = "head"
    cell_mm: ClassVar[float] = CELL_MM
    single: ClassVar[bool] = True
