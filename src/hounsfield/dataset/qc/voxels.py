"""Check the voxel values: noise in air, clipping at the top, lowest and highest HU."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hounsfield.dataset.qc.scan import NO_AIR_HU, Bools, CoarseScan, Floats
from hounsfield.dataset.qc.value import Check, QualityValue

NOISE = Check(
    name="noise_in_air",
    unit="HU",
    high=60.0,
    weight=1.0,
    source="muscle (60 HU) and water (0 HU) are 60 HU apart: noise above it hides soft tissue; air "
    "of the real scans of design/qc.md has 2 to 10 HU",
)

CLIPPED = Check(
    name="clipped_at_top",
    unit="share",
    high=1e-5,
    weight=1.0,
    source="12 bits end at 4095 - 1024 = 3071 HU (PS3.3 C.11.1, BitsStored 12); enamel is below "
    "3000 HU, so that more are metal (Coolens & Childs 2003)",
)

LOWEST = Check(
    name="lowest",
    unit="HU",
    low=-4096.0,
    high=NO_AIR_HU,
    weight=3.0,
    source="air in or around the patient is below -300 HU at any noise; padding is -4096 or more",
)

HIGHEST = Check(
    name="highest",
    unit="HU",
    low=200.0,
    high=65536.0,
    weight=3.0,
    source="bone of the ACR CT accreditation phantom is 850 to 970 HU, of a child, with partial "
    "volume, over 200 HU; 16 bits of HU end at 65535",
)

NEAR_AIR_HU = (-1400.0, -600.0)
"""Air with noise of up to 100 HU (four sd); what is denser is fabric, foam or skin."""

CORRELATED_PX = 4
"""Pixels between which noise is unrelated: a soft kernel's point spread is 2 pixels wide."""

LEAST_PAIRS = 2000
"""Pairs of voxels for the noise: its relative error is 1 / sqrt(2 * 2000), 2 %."""

NOISE_SLICES = 16
"""Slices in which noise is measured: with 5,000 voxels of air each, its error is under 1 %."""

WITHIN_SD = 4.0
"""Values this far from the median are no air: a normal distribution has 6 in 100,000 there."""

TO_SD = 1.4826
"""The standard deviation of a normal distribution over its median absolute deviation
(1 / 0.6745; Iglewicz & Hoaglin 1993)."""

CUT_SHARE = 0.2
"""Share of air at its lowest value from which its noise cannot be measured: the lower fifth of a
normal distribution is more than 0.84 sd below its mean."""

METAL_HU = 2900.0
"""Values of this or more can be a limit of storage: 3071, 3095, 4095, 32767 HU."""

AT_TOP = 3
"""Least voxels at the highest value that are a limit rather than a maximum."""


def noise(scan: CoarseScan) -> QualityValue:
    """The standard deviation of the air around the body."""
    if not scan.has_body:
        return NOISE.unknown("no air outside of a body")
    scan = scan.every(NOISE_SLICES)
    hu = scan.hu - np.float32(scan.offset_hu)
    away = scan.outside & _in_circle(scan)
    air = away & (hu > NEAR_AIR_HU[0]) & (hu < NEAR_AIR_HU[1])
    values = hu[air]
    if values.size < LEAST_PAIRS:
        return NOISE.unknown("too little air around the body")
    if float(np.mean(values == values.min())) > CUT_SHARE:
        lowest = f"{float(np.mean(values == values.min())):.0%} of the air around the body"
        return NOISE.unknown(f"{lowest} is {values.min():g} HU: it was clipped or replaced")
    middle = float(np.median(values))
    width = max(WITHIN_SD * _sd(np.abs(values - middle)), 2.0)
    air &= np.abs(hu - middle) <= width
    differences = _differences(hu, air, scan.step)
    if differences.size < LEAST_PAIRS:
        return NOISE.unknown("too little air around the body")
    sd = _sd(np.abs(differences)) / math.sqrt(2)
    return NOISE.of(sd, f"air around the body has a noise of {sd:.0f} HU")


def _in_circle(scan: CoarseScan) -> Bools:
    """Voxels in the inscribed circle, outside of which many scanners write padding."""
    return (_radius(scan.hu.shape[:2]) < 0.95)[:, :, None]


def _radius(shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Distance from the centre of a slice (i, j) in radii of its inscribed circle."""
    half = min(shape) / 2
    i, j = (np.arange(size) - (size - 1) / 2 for size in shape)
    return np.asarray(np.hypot(*np.meshgrid(i, j, indexing="ij")) / half)


def _differences(hu: Floats, air: Bools, step: int) -> Floats:
    """Differences of voxels along i that are CORRELATED_PX or more pixels apart."""
    lag = -(-CORRELATED_PX // step)
    both = air[lag:] & air[:-lag]
    return np.asarray(hu[lag:][both] - hu[:-lag][both], dtype=np.float32)


def _sd(deviations: Floats) -> float:
    """The standard deviation of which these are absolute deviations, by their median.

    The median is interpolated within 1 HU, as stored values are integers.
    """
    counts = np.bincount(np.rint(deviations).astype(np.int64))
    sums = np.cumsum(counts)
    n = int(np.searchsorted(sums, sums[-1] / 2))
    low, high = max(n - 0.5, 0.0), n + 0.5
    before = float(sums[n] - counts[n])
    return TO_SD * (low + (high - low) * (float(sums[-1]) / 2 - before) / float(counts[n]))


def clipped(scan: CoarseScan) -> QualityValue:
    """The share of voxels at the highest value, if that is where storage ends."""
    top = float(scan.hu.max())
    count = int(np.count_nonzero(scan.hu == top))
    if top - scan.offset_hu < METAL_HU or count < AT_TOP:
        return CLIPPED.of(0.0)
    share = count / scan.hu.size
    return CLIPPED.of(share, f"{share:.2%} of the voxels are {top:g} HU, the highest: metal")


def lowest(scan: CoarseScan) -> QualityValue:
    """The lowest value."""
    value = float(scan.hu.min())
    windowed = "values were clipped to a window, masked or cropped to tissue, or are not HU"
    return LOWEST.of(value, f"the lowest value is {value:g} HU: {_why(value, windowed)}")


def _why(value: float, windowed: str) -> str:
    return windowed if value > -1000 else "padding or a wrong rescale"


def highest(scan: CoarseScan) -> QualityValue:
    """The highest value."""
    value = float(scan.hu.max())
    return HIGHEST.of(value, f"the highest value is {value:g} HU: {_bone(value)}")


def _bone(value: float) -> str:
    return "values were clipped to a window, or there is no bone" if value < 1000 else "not HU"
