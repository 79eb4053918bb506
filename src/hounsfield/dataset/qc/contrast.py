"""Tell contrast agent in large vessels, heart or kidneys from bone by its histogram and edge."""

from __future__ import annotations

import numpy as np

from hounsfield.dataset.qc.scan import Bools, CoarseScan, Floats
from hounsfield.dataset.qc.value import Check, QualityValue
from hounsfield.kernels.mask import Bits, Components, Spacing, components, dilate, erode, stepped

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
    kept = np.flatnonzero(parts.sizes * cell_ml >= LEAST_ML)
    cells = (_cropped(scan, parts, int(n)) for n in kept)
    found = [hu for hu in (_blood(*each, scan.spacing_mm) for each in cells) if hu is not None]
    if not found:
        return CONTRAST.unknown("no enhanced blood of 10 mm width; there may be no contrast agent")
    return CONTRAST.of(max(found))


def _within(scan: CoarseScan) -> Bools:
    hu = scan.hu - np.float32(scan.offset_hu)
    return np.asarray(scan.body & (hu >= ENHANCED_HU[0]) & (hu <= ENHANCED_HU[1]))


def _cropped(scan: CoarseScan, parts: Components, n: int) -> tuple[Bools, Floats]:
    """One core and the HU around it, cropped to its box with a margin for the rim."""
    box, core = parts.boxes[n], parts.keep(np.arange(len(parts.sizes)) == n).expand() != 0
    cut = []
    for axis, step in enumerate(scan.spacing_mm):
        margin = int(BLOOD_MM / step) + 3
        cut.append(slice(max(int(box[2 * axis]) - margin, 0), int(box[2 * axis + 1]) + margin + 1))
    part = tuple(cut)
    return core[part], scan.hu[part] - np.float32(scan.offset_hu)


def _blood(core: Bools, hu: Floats, spacing_mm: Spacing) -> float | None:
    """The median HU of a core if it is uniform and has no denser rim, else None."""
    inside = hu[core]
    median = float(np.median(inside))
    wide = dilate(Bits.pack(core), BLOOD_MM, spacing_mm=spacing_mm)
    rim = hu[(stepped(stepped(wide)) - wide).expand() != 0]
    is_rimmed = rim.size > 0 and float(np.mean(rim > median + SPREAD_HU)) > BONE_RIM
    return None if is_rimmed or float(inside.astype(np.float64).std()) > SPREAD_HU else median
