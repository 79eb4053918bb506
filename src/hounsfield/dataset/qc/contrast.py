"""Tell contrast agent in large vessels, heart or kidneys from bone by its histogram and edge."""

from __future__ import annotations

import numpy as np

from hounsfield.dataset.qc.scan import Bools, CoarseScan
from hounsfield.dataset.qc.value import Check, QualityValue
from hounsfield.kernels.mask import Bits, components, dilate, erode, stepped

CONTRAST = Check(
    name="contrast",
    unit="HU",
    source="median of enhanced blood: 130 HU and more, without agent 30 to 60 HU (Bae 2010)",
)

ENHANCED_HU = (130.0, 600.0)
"""Enhanced blood: 130 HU in a late phase to 500 HU in an artery (Bae, Radiology 256, 2010)."""

BLOOD_MM = 5.0
"""Radius of a ball within the vessel: an aorta is 20 to 30 mm wide, a cava 15 to 25 mm."""

LEAST_ML = 3.0
"""Least volume of such cores: 40 mm of an aorta of 20 mm has 3 mL within 5 mm of its axis."""

BONE_RIM = 0.2
"""Largest share of denser voxels in the rim: a vertebra has a cortex, a vessel wall has none."""

SPREAD_HU = 40.0
"""Largest standard deviation in a core: blood is uniform but for noise, trabecular bone is not."""


def contrast(scan: CoarseScan, *, is_head: bool) -> QualityValue:
    """Return the HU of enhanced blood; unknown if none is found, as its absence cannot be told."""
    if not scan.body.any():
        return CONTRAST.unknown("no body")
    if max(scan.spacing_mm) > BLOOD_MM:
        return CONTRAST.unknown(f"sampled voxels are larger than {BLOOD_MM:g} mm")
    if is_head:
        return CONTRAST.unknown("vessels of a head are too narrow for sampled voxels")
    enhanced = Bits.pack(_within(scan))
    cores = erode(enhanced, BLOOD_MM, spacing_mm=scan.spacing_mm)
    parts = components(cores)
    cell_ml = float(np.prod(scan.spacing_mm)) / 1000
    found = [
        hu
        for n in np.flatnonzero(parts.sizes * cell_ml >= LEAST_ML)
        if (hu := _blood(scan, parts.keep(np.arange(len(parts.sizes)) == n))) is not None
    ]
    if not found:
        return CONTRAST.unknown("no enhanced blood of 10 mm width; there may be no contrast agent")
    return CONTRAST.of(max(found))


def _within(scan: CoarseScan) -> Bools:
    hu = scan.hu - np.float32(scan.offset_hu)
    return np.asarray(scan.body & (hu >= ENHANCED_HU[0]) & (hu <= ENHANCED_HU[1]))


def _blood(scan: CoarseScan, core: Bits) -> float | None:
    """The median HU of a core if it is uniform and has no denser rim, else None."""
    hu = scan.hu - np.float32(scan.offset_hu)
    inside = hu[core.expand().astype(bool)]
    median = float(np.median(inside))
    wide = dilate(core, BLOOD_MM, spacing_mm=scan.spacing_mm)
    rim = hu[(stepped(stepped(wide)) - wide).expand().astype(bool)]
    is_rimmed = float(np.mean(rim > median + SPREAD_HU)) > BONE_RIM
    return None if is_rimmed or float(inside.std()) > SPREAD_HU else median
