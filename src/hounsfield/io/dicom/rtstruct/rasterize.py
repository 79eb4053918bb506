"""Rasterize closed contours on the slices of an image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.diagnostic import Diagnostic, Severity
from hounsfield.core.errors import refused
from hounsfield.io.dicom.labels.slice_grid import SliceGrid
from hounsfield.io.dicom.rtstruct.contours import Contour
from hounsfield.io.dicom.rtstruct.polygon import rasterize

ON_PLANE = 0.1
"""Largest offset of a contour from its slice, in slice gaps; files round to 0.01 mm."""

NEAR_PLANE = 0.5
"""A contour farther than this from every slice, in slice gaps, is outside the image."""

OVERHANG_PIXELS = 0.5
"""A contour may run along the outer edge of the border pixels."""

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
    """A mask (i, j, k) on the slices, and the diagnostics of its contours."""

    array: NDArray[np.uint8]
    diagnostics: tuple[Diagnostic, ...]


def draw(contours: Sequence[Contour], lattice: SliceGrid, *, name: str) -> Drawn:
    """Fill closed contours on the slices of `lattice`; nested contours are holes (even-odd rule).

    A contour belongs to the slice that it references, else to the nearest one; `name` is the label
    name for messages. Raises RefusedError for contours between slices, in another plane, or all
    outside the image.
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
        parts = [rasterize(ring, shape=lattice.shape[:2]) for ring in rings]
        crossing += _crossings(parts)
        array[:, :, k] = np.bitwise_xor.reduce(parts)
    outside = len(usable) - sum(len(drawn) for drawn in by_slice.values())
    if usable and not by_slice:
        raise refused(
            "OUTSIDE_IMAGE",
            f"label '{name}': all contours are outside the image; use the image they were drawn on",
        )
    return Drawn(
        array,
        tuple(
            _diagnostics(
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
    """The slice of a contour; None outside the image; raises RefusedError if none fits."""
    along = contour.points_ras_mm @ lattice.normal
    position, spread = float(np.median(along)), float(np.ptp(along)) / 2
    named = [
        k
        for k, (instance, frame) in enumerate(lattice.instances)
        if instance and instance == contour.instance and contour.frame in (0, frame)
    ]
    nearest = int(np.abs(lattice.positions_mm - position).argmin())
    k = named[0] if len(named) == 1 else nearest
    off, gap = abs(float(lattice.positions_mm[k]) - position), float(lattice.gaps_mm[k])
    if spread > ON_PLANE * gap:
        raise refused(
            "ACROSS_SLICES",
            f"label '{name}': a contour deviates from its slice by {spread:.4g} mm; "
            "use the series that it was drawn on as image",
        )
    if named and len(named) == 1 and off > NEAR_PLANE * gap:
        raise refused(
            "MISPLACED_CONTOUR",
            f"label '{name}': a contour is {off:.4g} mm away from the slice it references",
        )
    if off > NEAR_PLANE * gap:
        return None
    if off > ON_PLANE * gap:
        raise refused(
            "BETWEEN_SLICES",
            f"label '{name}': a contour is {off:.4g} mm off the nearest slice (gap {gap:.4g} mm); "
            "use the series it was drawn on (hu.open), then resample the label with hu.regrid",
        )
    return k


def _overhangs(ring: NDArray[np.float64], lattice: SliceGrid) -> bool:
    """Whether a contour extends beyond the border pixels."""
    last = np.array(lattice.shape[:2]) - 1 + OVERHANG_PIXELS + ON_PLANE
    return bool((ring < -OVERHANG_PIXELS - ON_PLANE).any() or (ring > last).any())


def _crossings(parts: Sequence[NDArray[np.bool_]]) -> int:
    """The number of pairs of contours on a slice that overlap without being nested."""
    if len(parts) < 2 or int(np.add.reduce([part.astype(np.uint16) for part in parts]).max()) < 2:
        return 0
    sizes = [int(np.count_nonzero(part)) for part in parts]
    count = 0
    for second in range(1, len(parts)):
        for first in range(second):
            shared = int(np.count_nonzero(parts[first] & parts[second]))
            count += 0 < shared < min(sizes[first], sizes[second])
    return count


def _diagnostics(
    name: str,
    by_slice: dict[int, list[Contour]],
    *,
    outside: int,
    overhanging: int,
    crossing: int,
    short: int,
) -> list[Diagnostic]:
    rows = [
        (outside, "OUTSIDE_IMAGE", f"{outside} contours outside the slices of the image ignored"),
        (
            overhanging,
            "CLIPPED_CONTOUR",
            f"{overhanging} contours extend beyond the rows or columns of the image; clipped",
        ),
        (
            crossing,
            "CROSSING_CONTOURS",
            f"{crossing} pairs of contours on one slice cross each other; their intersection is "
            "a hole",
        ),
        (short, "SHORT_CONTOUR", f"{short} contours with fewer than three points ignored"),
    ]
    used = sorted(by_slice)
    skipped = used[-1] - used[0] + 1 - len(used) if used else 0
    regular = skipped and len(used) > 2 and len(set(np.diff(used).tolist())) == 1
    if regular:
        rows.append(
            (
                skipped,
                "SKIPPED_SLICES",
                f"only one slice in {used[1] - used[0]} has a contour; {skipped} slices between "
                "them are empty",
            )
        )
    return [
        Diagnostic(code, _SEVERITIES[code], f"label '{name}': {message}")
        for count, code, message in rows
        if count
    ]
