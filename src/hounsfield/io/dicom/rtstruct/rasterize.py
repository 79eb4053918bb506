"""Contours onto the slices that they were drawn on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.diagnostic import Diagnostic, Severity
from hounsfield.core.errors import refused
from hounsfield.io.dicom.labels.slice_grid import SliceGrid
from hounsfield.io.dicom.rtstruct.contours import Contour
from hounsfield.io.dicom.rtstruct.polygon import filled

ON_PLANE = 0.1
"""A contour lies on a slice where it is off its plane by at most a tenth of the gap: files round to 0.01 mm."""

NEAR_PLANE = 0.5
"""Farther than half a gap from every slice, a contour lies beyond the image, or in a gap of it."""

OVERHANG_PIXELS = 0.5
"""A contour may run along the outer border of the outermost pixels."""

_SEVERITIES: dict[str, Severity] = {
    "OUTSIDE_IMAGE": "warning",
    "CLIPPED_CONTOUR": "warning",
    "CROSSING_CONTOURS": "warning",
    "SHORT_CONTOUR": "repair",
    "SKIPPED_SLICES": "warning",
}
"""How serious it is, by the code, that part of a label is not as it was drawn."""


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """A mask (i, j, k) on the slices, and what its user should know of how it came about."""

    array: NDArray[np.uint8]
    diagnostics: tuple[Diagnostic, ...]


def draw(contours: Sequence[Contour], lattice: SliceGrid, *, name: str) -> Drawn:
    """Fill closed contours on the slices of `lattice`: on each slice, what lies in an odd number of them.

    A contour goes to the slice that it names, else to the one at its place; `name` is the label's, for messages.
    Raises RefusedError where contours lie between slices, across them, or all beyond them.
    """
    usable = [contour for contour in contours if len(contour.points_ras_mm) >= 3]
    by_slice: dict[int, list[Contour]] = {}
    for contour in usable:
        k = _slice_of(contour, lattice, name)
        if k is not None:
            by_slice.setdefault(k, []).append(contour)
    array = np.zeros(lattice.shape, dtype=np.uint8, order="F")
    overhanging, crossing = 0, 0
    for k, drawn in by_slice.items():
        rings = [lattice.in_plane(contour.points_ras_mm, k) for contour in drawn]
        overhanging += sum(_overhangs(ring, lattice) for ring in rings)
        parts = [filled(ring, shape=lattice.shape[:2]) for ring in rings]
        crossing += _crossings(parts)
        array[:, :, k] = np.bitwise_xor.reduce(parts)
    outside = len(usable) - sum(len(drawn) for drawn in by_slice.values())
    if usable and not by_slice:
        raise refused(
            "OUTSIDE_IMAGE",
            f"label '{name}': all its contours lie beyond the image; this is not the image that "
            "they were drawn on",
        )
    return Drawn(
        array,
        tuple(
            _said(
                name,
                by_slice,
                outside=outside,
                overhanging=overhanging,
                crossing=crossing,
                short=len(contours) - len(usable),
            )
        ),
    )


def _slice_of(contour: Contour, lattice: SliceGrid, name: str) -> int | None:
    """The slice that a contour belongs to; None beyond the image; raises RefusedError where there is none for it."""
    along = contour.points_ras_mm @ lattice.normal
    place, spread = float(np.median(along)), float(np.ptp(along)) / 2
    named = [
        k
        for k, (instance, frame) in enumerate(lattice.instances)
        if instance and instance == contour.instance and contour.frame in (0, frame)
    ]
    nearest = int(np.abs(lattice.places_mm - place).argmin())
    k = named[0] if len(named) == 1 else nearest
    off, gap = abs(float(lattice.places_mm[k]) - place), float(lattice.gaps_mm[k])
    if spread > ON_PLANE * gap:
        raise refused(
            "ACROSS_SLICES",
            f"label '{name}': a contour leaves its slice by {spread:.4g} mm: it was drawn "
            "in another plane; give the series that it was drawn on as image",
        )
    if named and len(named) == 1 and off > NEAR_PLANE * gap:
        raise refused(
            "MISPLACED_CONTOUR",
            f"label '{name}': a contour lies {off:.4g} mm from the slice that it names",
        )
    if off > NEAR_PLANE * gap:
        return None
    if off > ON_PLANE * gap:
        raise refused(
            "BETWEEN_SLICES",
            f"label '{name}': a contour lies {off:.4g} mm off the nearest slice, in gaps "
            f"of {gap:.4g} mm; give the series that it was drawn on as image (hu.open), "
            "and bring the label onto other grids with hu.regrid",
        )
    return k


def _overhangs(ring: NDArray[np.float64], lattice: SliceGrid) -> bool:
    """Whether a contour reaches beyond the outer border of the slice's pixels."""
    last = np.array(lattice.shape[:2]) - 1 + OVERHANG_PIXELS + ON_PLANE
    return bool((ring < -OVERHANG_PIXELS - ON_PLANE).any() or (ring > last).any())


def _crossings(parts: Sequence[NDArray[np.bool_]]) -> int:
    """How many pairs of contours on a slice overlap without one lying within the other."""
    if len(parts) < 2 or int(np.add.reduce([part.astype(np.uint16) for part in parts]).max()) < 2:
        return 0
    sizes = [int(np.count_nonzero(part)) for part in parts]
    count = 0
    for second in range(1, len(parts)):
        for first in range(second):
            shared = int(np.count_nonzero(parts[first] & parts[second]))
            count += 0 < shared < min(sizes[first], sizes[second])
    return count


def _said(
    name: str,
    by_slice: dict[int, list[Contour]],
    *,
    outside: int,
    overhanging: int,
    crossing: int,
    short: int,
) -> list[Diagnostic]:
    rows = [
        (
            outside,
            "OUTSIDE_IMAGE",
            f"{outside} contours lie beyond the image's slices and are left out",
        ),
        (
            overhanging,
            "CLIPPED_CONTOUR",
            f"{overhanging} contours reach beyond the image's rows or columns and are cut",
        ),
        (
            crossing,
            "CROSSING_CONTOURS",
            f"{crossing} pairs of contours on one slice cross each other; what lies in both is "
            "left out, as in a hole",
        ),
        (short, "SHORT_CONTOUR", f"{short} contours have under three points and are left out"),
    ]
    used = sorted(by_slice)
    skipped = used[-1] - used[0] + 1 - len(used) if used else 0
    regular = skipped and len(used) > 2 and len(set(np.diff(used).tolist())) == 1
    if regular:
        rows.append(
            (
                skipped,
                "SKIPPED_SLICES",
                f"one slice in {used[1] - used[0]} has a contour; the {skipped} slices between "
                "hold nothing",
            )
        )
    return [
        Diagnostic(code, _SEVERITIES[code], f"label '{name}': {message}")
        for count, code, message in rows
        if count
    ]
