"""Find the patient's body: table and tubes cut off, lungs and bowel gas inside, limbs kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from hounsfield.steps.outline_mask import OutlineMask

CELL_MM = 2.0
"""A quarter of the thinnest table that bridges to a patient, and twice the pixel of a routine body scan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyMask(OutlineMask):
    """Add the mask 'body': all of the patient (both thighs, an arm apart) within the skin, lungs and gas included.

    Voxels from `tissue_hu` on are tissue (-400: midway between air and skin). What a ball of radius `bridge_mm` cannot
    sweep is cut off, so table tops thinner than twice that go. Each part must somewhere hold a ball of `core_mm` and
    have a fiftieth of the largest part's volume. Openings narrower than twice `closing_mm` close, so that the air
    behind them is inside. `empty`: refuse a scan without a body, or keep the empty mask.

    >>> BodyMask().tissue_hu
    -400.0
    """

    adds: ClassVar[str] = "body"
    cell_mm: ClassVar[float] = CELL_MM
    single: ClassVar[bool] = False

    bridge_mm: float = 4.0
