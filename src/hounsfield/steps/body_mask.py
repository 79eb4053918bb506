"""Segment the patient's body: without table and tubes, with lungs, bowel gas and limbs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from hounsfield.steps.outline_mask import OutlineMask

CELL_MM = 2.0
"""Cell size: a quarter of the thinnest table connected to a patient, two pixels of a body scan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyMask(OutlineMask):
    """Add the mask 'body': the patient within the skin, with lungs, gas and separate limbs.

    Voxels of `tissue_hu` and above are tissue (-400: midway between air and skin). An opening by a
    ball of radius `bridge_mm` removes table tops thinner than twice that. Each component must
    contain a ball of radius `core_mm` and have at least 2 % of the largest component's volume.
    Openings narrower than twice `closing_mm` are closed, so that the air behind them is inside.
    `empty`: refuse a scan without a body, or keep the empty mask.

    >>> BodyMask().tissue_hu
    -400.0
    """

    adds: ClassVar[str] = "body"
    cell_mm: ClassVar[float] = CELL_MM
    single: ClassVar[bool] = False

    bridge_mm: float = 4.0
