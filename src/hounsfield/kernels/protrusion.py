"""Tell nose, ears and other thin parts of a patient from objects that touch the patient."""

from __future__ import annotations

import numpy as np

from hounsfield.kernels.mask import Bits, Components, Spacing, components, stepped
from hounsfield.kernels.reach import cut_far, spread

REACH_MM = 45.0
"""Longest way through tissue from the thick part to the end of a nose or an ear.

An ear is 35 to 40 mm wide, a nose protrudes 30 mm. What leads further is cut where its
cross-section is smallest."""

EAR_REACH_MM = 30.0
"""The same for the rest after such a cut, next to a head: the contact of an ear is nearer."""

DENSE_PART_HU = 150.0
"""Least HU of what no ear and no tip of a nose has: cartilage and skin are under 120 HU."""

MOST_ML = 40.0
"""Largest such part: the nose with the front walls of the frontal sinuses, up to 30 mL in real
heads."""

SHEET_ML = 8.0
"""Largest part of which hardly a cell is enclosed by tissue: an ear has 5 to 8 mL."""

SHEET_SHARE = 0.08
"""Fraction of enclosed cells below which a part is a sheet: 0.14 and more in ears, 0 in sheets."""

NECK_SHARE = 0.6
"""Least area of contact with the thick part, in units of volume to the power of 2/3.

Ears have 0.8 to 1.8, noses 1.1 and more; a sheet of 29 mL that touches the vertex has 0.4."""

FLAT_MM = 4.0
"""Least height over the thick part of what a cut leaves: the rest of a sheet is flatter."""

RIM_MM = 6.0
"""How far beyond such a cut tissue is kept: the rim of an ear that an object presses on, whose
contact may be larger than the cross-section of the ear next to it."""

TINY_ML = 0.1
"""Parts below this volume are kept: the corners that an opening of cells loses."""


def protrusions(
    tissue: Bits, trunk: Bits, *, spacing_mm: Spacing, dense: Bits | None = None
) -> Bits:
    """Return the parts of `tissue` outside `trunk` that are shaped and joined to it as a part is.

    A part that leads further than `REACH_MM` from the trunk is first cut where the area of its
    cross-section is smallest; of what is left, parts that are too large, sheets, and parts with a
    small area of contact are dropped. With `dense`, the cells over `DENSE_PART_HU` of a head, dense
    objects that lead that far are removed before, and what is left is cut once more.
    """
    parts = components(tissue - trunk)
    joined = parts.keep(parts.meeting(stepped(trunk)))
    if dense is not None:
        joined = joined - _dense_objects(joined, trunk, dense, spacing_mm=spacing_mm)
    whole, rests = _split(joined, trunk, reach_mm=REACH_MM, spacing_mm=spacing_mm)
    if dense is not None:
        rests = cut_far(rests, trunk, reach_mm=EAR_REACH_MM, spacing_mm=spacing_mm)
    shell = stepped(trunk)
    kept = _kept(components(whole), shell, trunk, least_mm=0.0, spacing_mm=spacing_mm)
    ears = _kept(components(rests), shell, trunk, least_mm=FLAT_MM, spacing_mm=spacing_mm)
    rims = spread(ears, joined - whole - rests, RIM_MM, spacing_mm=spacing_mm)
    return kept | ears | rims


def _dense_objects(joined: Bits, trunk: Bits, dense: Bits, *, spacing_mm: Spacing) -> Bits:
    """The dense components that lead further than `REACH_MM`: shells that press on an ear."""
    far = joined - cut_far(joined, trunk, reach_mm=REACH_MM, spacing_mm=spacing_mm)
    parts = components(dense & joined)
    return parts.keep(parts.meeting(far))


def _split(joined: Bits, trunk: Bits, *, reach_mm: float, spacing_mm: Spacing) -> tuple[Bits, Bits]:
    """The components that end within `reach_mm` of the trunk, and the near side of the others."""
    near = cut_far(joined, trunk, reach_mm=reach_mm, spacing_mm=spacing_mm)
    parts = components(joined)
    long = parts.keep(parts.meeting(joined - near))
    return joined - long, near & long


def _kept(
    parts: Components, shell: Bits, trunk: Bits, *, least_mm: float, spacing_mm: Spacing
) -> Bits:
    """The components that may be of the patient."""
    cell_ml = float(np.prod(spacing_mm)) / 1000
    chosen = parts.sizes * cell_ml < TINY_ML
    for number in np.flatnonzero(~chosen & (parts.sizes * cell_ml <= MOST_ML)):
        part = parts.keep(np.arange(len(parts.sizes)) == number)
        chosen[number] = _is_joined_broadly(part, shell, spacing_mm) and not (
            _is_sheet(part, trunk, cell_ml)
            or (least_mm and (part - spread(trunk, part, least_mm, spacing_mm=spacing_mm)).is_empty)
        )
    return parts.keep(chosen)


def _is_joined_broadly(part: Bits, shell: Bits, spacing_mm: Spacing) -> bool:
    i, j, k = spacing_mm
    contact_mm2 = (part & shell).count * (i * j * k) ** (2 / 3)
    return bool(contact_mm2 >= NECK_SHARE * (part.count * i * j * k) ** (2 / 3))


def _is_sheet(part: Bits, trunk: Bits, cell_ml: float) -> bool:
    inner = part - stepped(~(part | trunk))
    return part.count * cell_ml > SHEET_ML and inner.count < SHEET_SHARE * part.count
