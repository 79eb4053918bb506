"""What a lung mask reports: one lung or none, lungs that are cut, and what makes it doubtful."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.grid import Grid
from hounsfield.core.volume import Volume
from hounsfield.kernels.lung import LungSet
from hounsfield.kernels.mask import Bits
from hounsfield.steps.brain_findings import OPPOSITE, SIDES
from hounsfield.steps.fixed_mask import EMPTY_MASK

LUNG = "mask 'lung'"
LUNG_CUT = "LUNG_CUT"
LUNG_DOUBTFUL = "LUNG_DOUBTFUL"

LEAST_RATIO, MOST_RATIO = 0.75, 1.05
"""Volume of the left lung in that of the right one.

The left lung has 45 to 47 % of both in healthy adults (textbooks of anatomy: 0.8 to 0.9 of the
right), since the heart is on its side."""

LEAST_RATIO_CUT = 0.2
"""Least ratio of the smaller to the larger lung where the volume cuts them: the domes of the
diaphragm are not at one height."""

LEAST_HU, MOST_HU = -930.0, -600.0
"""Median of a lung: -900 to -800 HU at full inspiration, -700 at expiration."""

DENSE_HU = -300.0
MOST_DENSE = 0.2
"""Largest fraction of a lung above `DENSE_HU`: vessels and the hilum are 5 to 12 %."""

LEAST_SHARE = 0.1
"""Least fraction of a slice of the body, where it is largest, that is lung.

Mid chest it is 0.3 to 0.45, the lowest 20 mm of the lungs have 0.13; bowel has less."""

CUT_MM2 = 200.0
"""Least area in which the lungs meet a face of the volume that cuts them."""

SAMPLE_MM = 2.0
"""Spacing of the voxels of which median and fractions are taken."""


def findings(
    found: LungSet, image: Volume, *, missing: str, parts: tuple[str, ...]
) -> tuple[Diagnostic, ...]:
    """The diagnostics of lungs; `missing` explains empty masks, `parts` are those asked for."""
    if missing:
        return (Diagnostic(EMPTY_MASK, "warning", missing, LUNG),)
    faces = _cut_faces(found.left | found.right, image.grid)
    doubts = "; ".join(_doubts(found, image, is_cut=bool(faces)))
    diagnostics = []
    if doubts:
        message = f"{doubts}; check the masks"
        diagnostics.append(Diagnostic(LUNG_DOUBTFUL, "warning", message, LUNG))
    if faces:
        names = " and ".join(faces)
        message = f"lungs cut by the volume's {names} end; the mask ends there"
        diagnostics.append(Diagnostic(LUNG_CUT, "warning", message, LUNG))
    if found.trachea.is_empty and "trachea" in parts:
        message = "the mask is empty: no tube of gas between the lungs is told from them"
        diagnostics.append(Diagnostic(EMPTY_MASK, "note", message, "mask 'trachea'"))
    return tuple(diagnostics)


def _doubts(found: LungSet, image: Volume, *, is_cut: bool) -> Iterator[str]:
    voxel_ml = float(np.prod(image.grid.spacing_mm)) / 1000
    volumes = {"left": found.left.count * voxel_ml, "right": found.right.count * voxel_ml}
    yield from _of_volumes(volumes, is_cut=is_cut)
    for side, bits in (("left", found.left), ("right", found.right)):
        if volumes[side]:
            yield from _of_values(side, _sampled(image, bits))
    if found.most_share < LEAST_SHARE:
        yield (
            f"lung is at most {found.most_share:.0%} of a slice of the body (at least "
            f"{LEAST_SHARE:.0%} expected), so it may be bowel"
        )
    if found.is_cut:
        yield "left and right lung touch, and no septum is seen; they are cut at the midline"


def _of_volumes(volumes: dict[str, float], *, is_cut: bool) -> Iterator[str]:
    left, right = volumes["left"], volumes["right"]
    if not left or not right:
        side, other = ("left", "right") if not left else ("right", "left")
        yield f"no {side} lung found ({other} {volumes[other]:.0f} mL)"
        return
    measured = f"left lung {left:.0f} mL, right {right:.0f} mL, ratio {left / right:.2f}"
    if is_cut and min(left, right) < LEAST_RATIO_CUT * max(left, right):
        yield f"{measured} (the smaller at least {LEAST_RATIO_CUT:g} of the larger expected)"
    if not is_cut and not LEAST_RATIO <= left / right <= MOST_RATIO:
        yield (
            f"{measured} ({LEAST_RATIO:g} to {MOST_RATIO:g} expected), so one may be consolidated, "
            "collapsed or displaced by fluid or gas"
        )


def _of_values(side: str, values: NDArray[Any]) -> Iterator[str]:
    median, dense = float(np.median(values)), float((values > DENSE_HU).mean())
    if not LEAST_HU <= median <= MOST_HU:
        expected = f"{LEAST_HU:.0f} to {MOST_HU:.0f} expected"
        yield f"median of the {side} lung {median:.0f} HU ({expected})"
    if dense > MOST_DENSE:
        yield (
            f"{dense:.0%} of the {side} lung is over {DENSE_HU:g} HU (at most {MOST_DENSE:.0%} "
            "expected)"
        )


def _sampled(image: Volume, bits: Bits) -> NDArray[Any]:
    """Some values of a mask, evenly spaced; all if there are few."""
    mask = bits.expand()
    i, j, k = (slice(None, None, max(1, int(SAMPLE_MM / mm))) for mm in image.grid.spacing_mm)
    some = image.array[i, j, k][mask[i, j, k] > 0]
    return some if len(some) else image.array[mask > 0]


def _cut_faces(bits: Bits, grid: Grid) -> list[str]:
    """The ends of the volume at which lungs are cut, by name."""
    mask = bits.expand()
    names = []
    for axis, letter in enumerate(grid.orientation):
        face_mm2 = float(np.prod(grid.spacing_mm)) / grid.spacing_mm[axis]
        for side, name in ((0, OPPOSITE[letter]), (-1, letter)):
            face = tuple(side if n == axis else slice(None) for n in range(3))
            if np.count_nonzero(mask[face]) * face_mm2 >= CUT_MM2:
                names.append(SIDES[name])
    return names
