"""Bounds of the masks of heads and bodies: a mask beyond one is kept, and a warning names it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.diagnostic import Diagnostic, Severity
from hounsfield.kernels.mask import Spacing, bounding_box
from hounsfield.kernels.outline import DENSE_HU, Outlined
from hounsfield.kernels.protrusion import MOST_ML
from hounsfield.kernels.skull import enclosed_ml

MASK_DOUBTFUL = "MASK_DOUBTFUL"
MASK_CUT = "MASK_CUT"

MOST_LEFT_OUT = 0.4
"""Largest fraction of tissue outside a mask without a warning.

Table and headrest are 10 % of the tissue of a scan, 20 % if it shows little of the patient."""

MOST_OF_VOLUME = 0.95
"""Largest fraction of the volume: an ellipse is at most 0.79 of the rectangle around it."""

SOFT_HU = (-200.0, 200.0)
"""Fat, muscle, brain and fluid."""

FEWEST_SOFT = 0.4
"""Least fraction of soft tissue in a head: bone is 15 to 20 % of it, air 5 to 10 %."""

HEAD_MOST_ML = 8000.0
"""Largest head with its neck: 8.1 % of the mass of the body (Dempster 1955, WADC TR 55-159), of a
body of 100 kg."""

HEAD_MOST_MM = 300.0
"""Second longest edge of the box of a head: 250 mm from nose to occiput, aslant 290 mm."""

SKULL_LEAST_ML = 100.0
"""Least volume that bone encloses in a head; chests, abdomens and thighs have 0 to 60 mL."""

SKULL_LEAST_SHARE = 0.1
"""The same as a fraction of the mask, for scans of few slices: 0.3 to 0.7 in heads."""

SECOND_SKULL_ML = 250.0
"""Least volume of another region that bone encloses: a brain of a newborn has 350 mL."""

SAMPLE_MM = 3.0
"""Spacing of the voxels of which the fraction of soft tissue is taken."""


def whole_volume(mask: NDArray[np.uint8], *, tissue_hu: float) -> str | None:
    """The finding for a mask that fills the volume, or None."""
    share = float(mask.mean())
    if share <= MOST_OF_VOLUME:
        return None
    return (
        f"the mask is {share:.0%} of the volume (at most {MOST_OF_VOLUME:.0%} expected): no air "
        f"below {tissue_hu:g} HU surrounds it; check that the values are HU"
    )


def left_out(share: float) -> str | None:
    """The finding for tissue outside that may be of the patient (a hollow skull), or None."""
    if share <= MOST_LEFT_OUT:
        return None
    return (
        f"{share:.0%} of all tissue is outside the mask (at most {MOST_LEFT_OUT:.0%} expected); "
        "check that it is table and headrest"
    )


def head_findings(
    values: NDArray[Any], mask: NDArray[np.uint8], *, spacing_mm: Spacing, tissue_hu: float
) -> list[str]:
    """What tells that a mask is no head, or more than one: amount of soft tissue, size, skull."""
    soft = _soft_share(values, mask, spacing_mm)
    if soft < FEWEST_SOFT:
        return [
            f"{soft:.0%} of the mask is soft tissue from {SOFT_HU[0]:g} to {SOFT_HU[1]:g} HU (at "
            f"least {FEWEST_SOFT:.0%} expected); check that the values are HU"
        ]
    mask_ml = float(np.count_nonzero(mask)) * float(np.prod(spacing_mm)) / 1000
    return [
        *_size_findings(mask, mask_ml, spacing_mm),
        *_skull_findings(enclosed_ml(values, spacing_mm=spacing_mm, tissue_hu=tissue_hu), mask_ml),
    ]


def cut_findings(found: Outlined, *, name: str, warn: bool) -> tuple[Diagnostic, ...]:
    """Report parts that touch the mask and were left out.

    Those of the size of a nose or an ear are warnings if `warn`, larger ones are notes.
    """
    small = [ml for ml in found.cut_ml if ml <= MOST_ML]
    large = [ml for ml in found.cut_ml if ml > MOST_ML]
    graded: tuple[tuple[Severity, list[float]], ...] = (
        ("warning" if warn else "note", small),
        ("note", large),
    )
    return tuple(
        Diagnostic(MASK_CUT, severity, _cut_message(parts), f"mask '{name}'")
        for severity, parts in graded
        if parts
    )


def doubtful(name: str, message: str) -> Diagnostic:
    """Return the warning of a finding."""
    return Diagnostic(MASK_DOUBTFUL, "warning", message, f"mask '{name}'")


def _cut_message(parts: list[float]) -> str:
    count = "1 part" if len(parts) == 1 else f"{len(parts)} parts"
    largest = "" if len(parts) == 1 else f" (largest {parts[0]:.1f} mL)"
    return (
        f"{count} denser than {DENSE_HU:g} HU, {sum(parts):.1f} mL{largest}, touching the mask but "
        "left out; check for table, headrest or straps"
    )


def _soft_share(values: NDArray[Any], mask: NDArray[np.uint8], spacing_mm: Spacing) -> float:
    i, j, k = (slice(None, None, max(1, int(SAMPLE_MM / step))) for step in spacing_mm)
    inside = values[i, j, k][mask[i, j, k] > 0]
    soft = (inside >= SOFT_HU[0]) & (inside <= SOFT_HU[1])
    return float(soft.mean()) if len(inside) else 1.0


def _size_findings(mask: NDArray[np.uint8], mask_ml: float, spacing_mm: Spacing) -> list[str]:
    findings = []
    if mask_ml > HEAD_MOST_ML:
        findings.append(
            f"the mask has {mask_ml:.0f} mL (at most {HEAD_MOST_ML:.0f} mL expected of a head)"
        )
    box = bounding_box(mask)
    edges = sorted(
        (count * step for count, step in zip(box[1], spacing_mm, strict=True)) if box else (0, 0)
    )
    if edges[-2] > HEAD_MOST_MM:
        findings.append(
            f"the mask is {edges[-1]:.0f} by {edges[-2]:.0f} mm (at most {HEAD_MOST_MM:.0f} mm "
            "expected of a head in two directions)"
        )
    return findings


def _skull_findings(regions_ml: tuple[float, ...], mask_ml: float) -> list[str]:
    first, second = (*regions_ml, 0.0, 0.0)[:2]
    if first < SKULL_LEAST_ML and first < SKULL_LEAST_SHARE * mask_ml:
        return [
            f"no closed skull: bone encloses {first:.0f} mL (at least {SKULL_LEAST_ML:.0f} mL "
            "expected); use BodyMask for other parts of the body"
        ]
    if second >= SECOND_SKULL_ML:
        return [
            f"bone encloses two regions, {first:.0f} and {second:.0f} mL (one expected); check "
            "for a second head"
        ]
    return []
