"""What a brain mask reports: where the skull is open or cut, and measures no skull has."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.grid import Grid
from hounsfield.kernels.cavity import Cavity, Measures
from hounsfield.kernels.openings import Opening

Vector = NDArray[np.float64]

SKULL_OPEN = "SKULL_OPEN"
SKULL_CUT = "SKULL_CUT"
BRAIN_DOUBTFUL = "BRAIN_DOUBTFUL"

REPORTED_ML = 1.0
"""Least volume that only the surface over an opening encloses for the opening to be reported.

A hole of 20 mm has 2 mL; the foramen magnum and the fissures of the orbits have 0.5 mL or less."""

FORAMEN_MM, FORAMEN_ML, FORAMEN_INFERIOR = 45.0, 5.0, 0.7
"""Width, volume and inferior component of the direction of the foramen magnum, which is open.

It is 28 to 42 mm long; a larger opening there is a defect of the bone around it."""

LEAST_ML, MOST_ML = 250.0, 2200.0
"""Volume of the inside of a skull, from a preterm infant to the largest adults.

Cranial capacity of adults is 900 to 2,000 mL, the brain of a term newborn 350 to 400 mL (textbooks
of anatomy). A scan that cuts the skull may show less."""

MOST_MM = 220.0
"""Longest side of the mask; the longest skulls measure 212 mm outside (Howells 1973, Cranial
Variation in Man, glabello-occipital length)."""

LEAST_FULLNESS, MOST_FULLNESS = 0.3, 0.7
"""Volume as a fraction of the bounding box: 0.52 for an ellipsoid, 0.46 for a head; a box has 1.

Not tested where the skull is cut: a slice of an ellipse has 0.79."""

MOST_SHARE = 0.75
"""Volume as a fraction of the head: 0.33 to 0.5 in adults; a sphere of an infant's head of 120 mm
within 8 mm of bone and scalp has 0.65."""

LEAST_HU, MOST_HU = 0.0, 80.0
"""Median of the values: fluid has 0 to 15 HU, brain 30 to 40, clotted blood 60 to 80."""

LEAST_AIR = 0.001
"""Least fraction of air in the volume (a head has air around it and in its sinuses).

Without any, a ray cannot leave the head, so inside and outside cannot be distinguished."""

LEAST_SIGHTED = 0.03
"""Least fraction of directions with bone at which openings can be found (`kernels.openings`)."""

PART = 0.38
"""Least component of a unit vector for its letter to be named: within 68 degrees."""

SIDES = {
    "L": "left",
    "R": "right",
    "P": "posterior",
    "A": "anterior",
    "I": "inferior",
    "S": "superior",
}
OPPOSITE = dict(zip("LRPAIS", "RLAPSI", strict=True))


def findings(cavity: Cavity, grid: Grid) -> tuple[Diagnostic, ...]:
    """The diagnostics of a mask that is not empty."""
    if cavity.missing:
        return ()
    messages = {
        SKULL_OPEN: _open(cavity.openings, grid),
        SKULL_CUT: _cut(cavity.cut_faces, grid),
        BRAIN_DOUBTFUL: _doubts(cavity.measures, is_cut=bool(cavity.cut_faces)),
    }
    return tuple(
        Diagnostic(code, "warning", message, "mask 'brain'")
        for code, message in messages.items()
        if message
    )


def _open(openings: tuple[Opening, ...], grid: Grid) -> str:
    ways = [grid.directions @ np.array(each.way) for each in openings]
    places = ", ".join(
        f"{direction(way)} ({each.width_mm:.0f} mm wide, {each.area_mm2 / 100:.0f} cm2, "
        f"{each.volume_ml:.0f} mL)"
        for each, way in zip(openings, ways, strict=True)
        if each.volume_ml >= REPORTED_ML and not _is_foramen(each, way)
    )
    if not places:
        return ""
    return (
        f"skull open, {places}; the mask is closed there by a surface from rim to rim, which "
        "alone encloses this volume: check the mask there"
    )


def _is_foramen(opening: Opening, way_ras: Vector) -> bool:
    return bool(
        way_ras[2] <= -FORAMEN_INFERIOR
        and opening.width_mm <= FORAMEN_MM
        and opening.volume_ml <= FORAMEN_ML
    )


def direction(way_ras: Vector) -> str:
    """Name a unit vector in RAS+, its largest component first.

    >>> direction(np.array([0.1, -0.8, -0.6]))
    'posterior inferior'
    """
    parts = sorted(zip(way_ras.tolist(), "RAS", strict=True), key=lambda part: -abs(part[0]))
    letters = [letter if part > 0 else OPPOSITE[letter] for part, letter in parts]
    return " ".join(
        SIDES[letter] for letter, (part, _) in zip(letters, parts, strict=True) if abs(part) >= PART
    )


def _cut(faces: tuple[tuple[int, int], ...], grid: Grid) -> str:
    letters = [(grid.orientation[axis], side) for axis, side in faces]
    names = " and ".join(SIDES[letter if side else OPPOSITE[letter]] for letter, side in letters)
    return f"skull cut by the volume's {names} end; the mask ends there" if names else ""


def _doubts(measures: Measures, *, is_cut: bool) -> str:
    found = "; ".join([*_of_values(measures), *_of_shape(measures, is_cut=is_cut)])
    return f"the mask may not be the inside of a skull: {found}; check it" if found else ""


def _of_values(measures: Measures) -> Iterator[str]:
    if measures.air < LEAST_AIR:
        yield "the volume has no air (below -400 HU), so its values may not be HU"
    if not LEAST_HU <= measures.median_hu <= MOST_HU:
        expected = f"{LEAST_HU:.0f} to {MOST_HU:.0f} expected"
        yield f"its median is {measures.median_hu:.0f} HU ({expected})"
    if measures.sighted < LEAST_SIGHTED:
        yield f"bone is met in {measures.sighted:.0%} of all directions, too few to find openings"


def _of_shape(measures: Measures, *, is_cut: bool) -> Iterator[str]:
    volume, longest = measures.volume_ml, max(measures.extent_mm)
    if volume > MOST_ML or (volume < LEAST_ML and not is_cut):
        yield f"{volume:.0f} mL ({LEAST_ML:.0f} to {MOST_ML:.0f} mL expected)"
    if longest > MOST_MM:
        yield f"{longest:.0f} mm long (at most {MOST_MM:.0f} mm expected)"
    if measures.share > MOST_SHARE:
        yield f"{measures.share:.0%} of the head (at most {MOST_SHARE:.0%} expected)"
    fullness = 1000 * volume / max(float(np.prod(measures.extent_mm)), 1.0)
    if not is_cut and not LEAST_FULLNESS <= fullness <= MOST_FULLNESS:
        yield (
            f"it fills {fullness:.0%} of its bounding box "
            f"({LEAST_FULLNESS:.0%} to {MOST_FULLNESS:.0%} expected)"
        )
