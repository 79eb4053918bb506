"""Check the geometry of the header: spacing, gaps and interpolated slices."""

from __future__ import annotations

import numpy as np

from hounsfield.core.slice_geometry import EVEN_TOLERANCE
from hounsfield.core.stack import Stack
from hounsfield.dataset.qc.value import Check, QualityValue

PIXEL = Check(
    name="pixel_spacing",
    unit="mm",
    low=0.1,
    high=5.0,
    weight=2.0,
    source="a field of view of 50 mm in 512 pixels (ear) is 0.1 mm; CT of SPECT in 128 pixels is "
    "4.8 mm (PS3.3 10.7.1.3)",
)

SLICE = Check(
    name="slice_spacing",
    unit="mm",
    low=0.1,
    high=10.0,
    weight=2.0,
    source="routine CT has a slice spacing of up to 10 mm; of the brain 5 mm or less (ACR-ASNR-SPR "
    "practice parameter)",
)

GAPS = Check(
    name="gaps",
    unit="ratio",
    high=1.0 + 2 * EVEN_TOLERANCE,
    weight=2.0,
    source="largest distance of slices over the median: even slices differ by the rounding of "
    "positions, 2.5 % at each end (PS3.3 C.7.6.2.1.1)",
)

INTERPOLATED = Check(
    name="interpolated_slices",
    unit="share",
    high=0.0,
    weight=2.0,
    source="an interpolated slice was not acquired (--gaps fill)",
)


def geometry(stack: Stack) -> tuple[QualityValue, ...]:
    """Return the checks of the geometry of a stack."""
    steps = (stack.step_i_ras_mm, stack.step_j_ras_mm)
    pixel = max(float(np.linalg.norm(step)) for step in steps)
    interpolated = sum(stack.interpolated) / stack.shape[2]
    return (
        PIXEL.of(
            pixel, f"pixels are {pixel:.3g} mm: the image was resampled, or the unit is wrong"
        ),
        _slice_spacing(stack),
        _gaps(stack),
        INTERPOLATED.of(interpolated, f"{interpolated:.0%} of the slices are interpolated"),
    )


def _slice_spacing(stack: Stack) -> QualityValue:
    if stack.shape[2] == 1:
        return SLICE.unknown("one slice")
    step = float(np.median(stack.gaps_mm))
    return SLICE.of(step, f"slice spacing is {step:.3g} mm: slices are missing, or it is a survey")


def _gaps(stack: Stack) -> QualityValue:
    if stack.shape[2] < 3:
        return GAPS.unknown("fewer than three slices")
    gaps = stack.gaps_mm
    ratio = float(gaps.max() / np.median(gaps))
    low, high = (f"{float(gap):.2f}" for gap in (gaps.min(), gaps.max()))
    return GAPS.of(
        ratio,
        f"slice spacing varies ({low} to {high} mm)",
        is_suspicious=not stack.is_even and stack.exact_grid is None,
    )
