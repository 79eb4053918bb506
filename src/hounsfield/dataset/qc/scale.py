"""Check the HU scale: the peaks of air and soft tissue, and the names of the usual errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hounsfield.dataset.qc.value import Check, QualityValue

Floats = NDArray[np.float32]
Range = tuple[float, float]

BIN_HU = 4.0
"""Width of a bin: a fifth of the narrowest peak, air of 10 HU noise."""

SPAN_HU = (-4096.0, 4096.0)
"""Range of the histogram: twice the offset of a rescale that was applied twice."""

SMOOTHING = np.ones(5) / 5
"""Moving average over 20 HU, the difference between white and grey matter and their noise."""

NEIGHBOURS = 6
"""A peak is the highest bin within 24 HU on both sides: two tissues nearer than that are one."""

PEAK_SHARE = 2e-3
"""Least share of the voxels within 24 HU of a peak: a sinus in a head, the bladder in a pelvis."""

AIR_HU = (-1060.0, -930.0)
"""Where the peak of air is. -1000 HU by definition (PS3.3 C.11.1.1.2: HU are relative to water and
air); the ACR accreditation phantom allows -1005 to -970 (ACR CT manual 2017), and scatter and
clipping at -1024 move it further."""

SOFT_HU = (-20.0, 110.0)
"""Where the peak of soft tissue is: water 0, brain 20 to 45, muscle and organs 40 to 70, enhanced
organs up to 110 HU (Lev & Gonzalez 2002; Lamba et al. 2014)."""

FAT_HU = (-130.0, -60.0)
"""Where the peak of fat is (Yoshizumi et al. 1999: -190 to -30, mode -100 HU)."""

BELOW_SHARE = 1e-3
"""Largest share below the middle of a shifted scale: noise, metal streaks and padding."""

AIR = Check(
    name="air_peak",
    unit="HU",
    low=AIR_HU[0],
    high=AIR_HU[1],
    weight=8.0,
    source="PS3.3 C.11.1.1.2; ACR CT accreditation: air -1005 to -970 HU; margin for clipping",
)

SOFT = Check(
    name="soft_tissue_peak",
    unit="HU",
    low=SOFT_HU[0],
    high=SOFT_HU[1],
    weight=8.0,
    source="water 0, muscle and organs 40 to 70, enhanced organs to 110 HU (Lamba et al. 2014)",
)


@dataclass(frozen=True, slots=True)
class _Error:
    """An error of scale: where it moves air and tissue, and its name."""

    offset_hu: Range
    name: str


ERRORS = (
    _Error((1000.0, 1024.0), "the rescale intercept was not applied, or 1024 was added"),
    _Error((-1024.0, -1000.0), "the rescale intercept was applied twice"),
)
"""Scanners store HU + 1024 (Siemens, GE, Philips) or HU + 1000 (Philips), so that the errors of
a file are of that size (PS3.3 C.11.1: HU = stored value * slope + intercept)."""


@dataclass(frozen=True, slots=True)
class Scale:
    """The two checks of the scale, and by how much all values are too high, HU."""

    air: QualityValue
    soft: QualityValue
    offset_hu: float = 0.0

    @property
    def is_hu(self) -> bool:
        """Whether tissue of a known HU was found."""
        return self.air.value is not None or self.soft.value is not None


def scale_of(hu: Floats, *, background: float) -> Scale:
    """Return the checks of the scale of all sampled voxels; `background` is padding, or no data."""
    counts = _Histogram.of(hu, without=background)
    air, soft = counts.peak(AIR_HU), counts.peak(SOFT_HU)
    if air is None and AIR_HU[0] <= background <= AIR_HU[1] and bool((hu == background).any()):
        air = background  # air without noise: it was clipped, masked or replaced
    if soft is not None or (air is not None and counts.peak(FAT_HU) is not None):
        return Scale(_air(air), _soft(soft))
    for error in ERRORS:
        found = _moved(counts, error)
        if found is not None:
            return found
    return Scale(_air(air, is_alone=True), _soft(None, is_alone=air is None))


def _air(air: float | None, *, is_alone: bool = False) -> QualityValue:
    if air is not None:
        return AIR.of(air)
    expected = f"{AIR_HU[0]:g} to {AIR_HU[1]:g} HU"
    return AIR.unknown(
        f"neither air nor soft tissue has a peak; expected air at {expected}"
        if is_alone
        else f"no peak of air at {expected}; the image may be cropped to the body or masked"
    )


def _soft(soft: float | None, *, is_alone: bool = False) -> QualityValue:
    if soft is not None:
        return SOFT.of(soft)
    both = "neither air nor soft tissue has" if is_alone else "soft tissue does not have"
    reason = f"{both} a peak, expected at {SOFT_HU[0]:g} to {SOFT_HU[1]:g} HU"
    return SOFT.missing(f"{reason}; check that the values are HU")


def _moved(counts: _Histogram, error: _Error) -> Scale | None:
    """The checks of values that an error has moved; None if they do not show it."""
    low, high = error.offset_hu
    air = counts.peak((AIR_HU[0] + low, AIR_HU[1] + high))
    soft = counts.peak((SOFT_HU[0] + low, SOFT_HU[1] + high))
    middle = (AIR_HU[1] + SOFT_HU[0]) / 2
    if air is None or soft is None:
        return None
    if low > 0 and counts.share_below(middle) > BELOW_SHARE:
        return None
    reason = f"air is at {air:.0f} HU and soft tissue at {soft:.0f} HU: {error.name}"
    offset = low if abs(air + 1000 - low) < abs(air + 1000 - high) else high
    return Scale(AIR.of(air, reason), SOFT.of(soft, reason), offset)


@dataclass(frozen=True, slots=True, eq=False)
class _Histogram:
    """Smoothed counts of the values in bins of BIN_HU from SPAN_HU[0]."""

    counts: NDArray[np.float64]
    total: float
    raw: NDArray[np.int64]

    @classmethod
    def of(cls, hu: Floats, *, without: float) -> _Histogram:
        """Return the histogram of all values but one."""
        size = int((SPAN_HU[1] - SPAN_HU[0]) / BIN_HU)
        bins = np.floor((hu.ravel(order="K") - SPAN_HU[0]) / BIN_HU)
        used = (bins >= 0) & (bins < size) & (hu.ravel(order="K") != without)
        raw = np.bincount(bins[used].astype(np.int64), minlength=size)
        return cls(np.convolve(raw, SMOOTHING, mode="same"), float(max(raw.sum(), 1)), raw)

    def peak(self, within: Range) -> float | None:
        """The highest peak within a range of HU, at the centre of its bin; None without one."""
        first, last = (int((edge - SPAN_HU[0]) / BIN_HU) for edge in within)
        n = first + int(self.counts[first : last + 1].argmax())
        near = self.counts[max(n - NEIGHBOURS, 0) : n + NEIGHBOURS + 1]
        if near.max() > self.counts[n] or near.sum() < PEAK_SHARE * self.total:
            return None
        return SPAN_HU[0] + (n + 0.5) * BIN_HU

    def share_below(self, hu: float) -> float:
        """The share of values below `hu`."""
        return float(self.raw[: int((hu - SPAN_HU[0]) / BIN_HU)].sum()) / self.total
