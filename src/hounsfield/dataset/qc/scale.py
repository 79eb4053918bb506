"""Check the HU scale: the peaks of air and soft tissue, and the names of the usual errors."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hounsfield.dataset.qc.value import Check, QualityValue

Floats = NDArray[np.float32]
Range = tuple[float, float]

BIN_HU = 4.0
"""Width of a bin: a fifth of the narrowest peak, air of 10 HU noise."""

SPAN_HU = (-4096, 4096)
"""Range of the histogram: twice the offset of a rescale that was applied twice."""

SMOOTHING = np.ones(5) / 5
"""Moving average over 20 HU, the difference between white and grey matter and their noise."""

NEIGHBOURS = 6
"""A peak is the highest bin within 24 HU on both sides: two tissues nearer than that are one."""

WIDTH = 3
"""Half of the bins whose mean is the position of a peak: 12 HU, one sd of its noise."""

PEAK_SHARE = 2e-3
"""Least share of the voxels within 24 HU of a peak: a sinus in a head, the bladder in a pelvis."""

AIR_HU = (-1060.0, -930.0)
"""Where the peak of air is. -1000 HU by definition (PS3.3 C.11.1.1.2: HU are relative to water and
air); the ACR accreditation phantom allows -1005 to -970 (ACR CT manual 2017), and scatter and
clipping at -1024 move it further."""

SOFT_HU = (-20.0, 110.0)
"""Where the peak of soft tissue is: water 0, brain 20 to 45, muscle and organs 40 to 70, enhanced
organs up to 110 HU (Lev & Gonzalez 2002; Lamba et al. 2014)."""

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


RAISED_HU = (1000.0, 1024.0)
"""By how much stored values exceed HU: by 1024 (Siemens, GE, Philips) or 1000 (Philips), with
HU = stored value * slope + intercept (PS3.3 C.11.1)."""

LOWERED_HU = (-1024.0, -1000.0)
"""By how much values are too low if the intercept was applied twice."""

BETWEEN_HU = -475.0
"""Midway between air and soft tissue."""

BONE_ABOVE_HU = 150.0
"""How far bone reaches above soft tissue: if nothing does, the values end with a window."""

DENSE_ABOVE_HU = 300.0
"""Trabecular bone reaches this far above soft tissue; cortical bone is less than soft tissue."""


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
    for is_error in (_not_applied, _applied_twice):
        found = is_error(counts)
        if found is not None:
            return found
    air, soft = counts.peak(AIR_HU), counts.peak(SOFT_HU)
    if air is None and AIR_HU[0] <= background <= AIR_HU[1] and bool((hu == background).any()):
        air = background  # air without noise: it was clipped, masked or replaced
    is_alone = air is None and soft is None
    return Scale(_air(air, is_alone=is_alone), _soft(soft, is_alone=is_alone))


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


def _not_applied(counts: _Histogram) -> Scale | None:
    """The checks of values that are 1000 to 1024 HU too high; None if they are not."""
    air, soft = counts.peak(_moved(AIR_HU, RAISED_HU)), counts.peak(_moved(SOFT_HU, RAISED_HU))
    if air is None or soft is None or counts.share_below(BETWEEN_HU) > BELOW_SHARE:
        return None
    if counts.highest < soft + BONE_ABOVE_HU:
        return None  # a window that ends there
    if counts.share_below(SPAN_HU[1]) - counts.share_below(
        soft + DENSE_ABOVE_HU
    ) > counts.share_near(soft):
        return None  # too much for bone: values of another unit
    return _named(air, soft, RAISED_HU, "the rescale intercept was not applied, or 1024 was added")


def _applied_twice(counts: _Histogram) -> Scale | None:
    """The checks of values that are 1000 to 1024 HU too low; None if they are not."""
    noisy = counts.without_common
    air, soft = noisy.peak(_moved(AIR_HU, LOWERED_HU)), noisy.peak(_moved(SOFT_HU, LOWERED_HU))
    if air is None or soft is None:
        return None
    if noisy.share_near(soft) < noisy.share_near(noisy.peak(SOFT_HU)):
        return None  # soft tissue is where it should be
    return _named(air, soft, LOWERED_HU, "the rescale intercept was applied twice")


def _moved(within: Range, by: Range) -> Range:
    return (within[0] + by[0], within[1] + by[1])


def _named(air: float, soft: float, by: Range, error: str) -> Scale:
    reason = f"air is at {air:.0f} HU and soft tissue at {soft:.0f} HU: {error}"
    offset = min(by, key=lambda each: abs(air + 1000 - each))
    return Scale(AIR.of(air, reason), SOFT.of(soft, reason), offset)


@dataclass(frozen=True, slots=True, eq=False)
class _Histogram:
    """Counts of the values in bins of BIN_HU from SPAN_HU[0], raw and smoothed."""

    raw: NDArray[np.int64]
    common: float
    """The most frequent value, rounded: padding, or air that was clipped or replaced."""
    common_count: int
    highest: float

    @classmethod
    def of(cls, hu: Floats, *, without: float) -> _Histogram:
        """Return the histogram of all values but one."""
        flat = hu.ravel(order="K")
        low, high = SPAN_HU
        per_hu = np.bincount(
            np.clip(np.rint(flat) - np.float32(low - 1), 0, high - low + 1).astype(np.int32),
            minlength=int(high - low) + 2,
        )[1:-1]
        if low <= without < high:
            per_hu[round(without - low)] = 0
        n = int(per_hu.argmax())
        raw = per_hu.reshape(-1, int(BIN_HU)).sum(axis=1)
        return cls(raw, n + low, int(per_hu[n]), float(flat.max()))

    @property
    def without_common(self) -> _Histogram:
        """The histogram without the most frequent value."""
        raw = self.raw.copy()
        raw[int((self.common - SPAN_HU[0]) / BIN_HU)] -= self.common_count
        return replace(self, raw=raw, common_count=0)

    def peak(self, within: Range) -> float | None:
        """The highest peak within a range of HU, at the mean of its values; None without one."""
        counts = np.convolve(self.raw, SMOOTHING, mode="same")
        first, last = (int((edge - SPAN_HU[0]) / BIN_HU) for edge in within)
        n = first + int(counts[first : last + 1].argmax())
        near = counts[max(n - NEIGHBOURS, 0) : n + NEIGHBOURS + 1]
        if near.max() > counts[n] or near.sum() < PEAK_SHARE * self.total:
            return None
        bins = np.arange(max(n - WIDTH, 0), min(n + WIDTH + 1, len(self.raw)))
        weights = self.raw[bins]
        middle = (BIN_HU - 1) / 2  # a bin has whole HU
        return SPAN_HU[0] + float(bins @ weights) / float(weights.sum()) * BIN_HU + middle

    @property
    def total(self) -> float:
        """How many values there are, 1 or more."""
        return float(max(self.raw.sum(), 1))

    def share_near(self, hu: float | None) -> float:
        """The share of values within a peak's width of `hu`; 0 for None."""
        if hu is None:
            return 0.0
        n = int((hu - SPAN_HU[0]) / BIN_HU)
        return float(self.raw[max(n - NEIGHBOURS, 0) : n + NEIGHBOURS + 1].sum()) / self.total

    def share_below(self, hu: float) -> float:
        """The share of values below `hu`."""
        return float(self.raw[: int((hu - SPAN_HU[0]) / BIN_HU)].sum()) / self.total
