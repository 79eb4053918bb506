"""Rasterize closed contours on the slices of an image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.diagnostic import Severity
from hounsfield.core.errors import refused
from hounsfield.io.dicom.labels.findings import Finding
from hounsfield.io.dicom.labels.slice_grid import SliceGrid
from hounsfield.io.dicom.rtstruct.contours import Contour
from hounsfield.io.dicom.rtstruct.polygon import rasterize_box

ON_PLANE = 0.1
"""Largest offset of a contour from its slice, in slice gaps; files round to 0.01 mm."""

NEAR_PLANE = 0.5
"""A contour farther than this from every slice, in slice gaps, is outside the image."""

OVERHANG_PIXELS = 0.5
"""A contour may run along the outer edge of the border pixels."""

MOST_COMPARED = 512
"""Most contours of a slice that are compared in pairs; structures have under 100."""

MOST_CROSSINGS = 100
"""Pairs of crossing contours of a slice after which no more are counted."""

_SEVERITIES: dict[str, Severity] = {
    "OUTSIDE_IMAGE": "warning",
    "CLIPPED_CONTOUR": "warning",
    "CROSSING_CONTOURS": "warning",
    "SHORT_CONTOUR": "repair",
    "SKIPPED_SLICES": "warning",
    "EMPTY_LABEL": "warning",
}
"""How serious it is, by the code, that part of a label is not as it was drawn."""


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """A mask (i, j, k) on the slices, and what was found about its contours."""

    array: NDArray[np.uint8]
    findings: tuple[Finding, ...]


def draw(contours: Sequence[Contour], lattice: SliceGrid, *, name: str) -> Drawn:
    """Fill closed contours on the slices of `lattice`; nested contours are holes (even-odd rule).

    A contour belongs to the slice that it references, else to the nearest one; `name` is the label
    name for messages. Raises RefusedError for contours between slices, in another plane, or all
    outside the image.
    """
    usable = [contour for contour in contours if len(contour.points_ras_mm) >= 3]
    by_slice: dict[int, list[Contour]] = {}
    slices = _Slices.of(lattice)
    for contour in usable:
        k = _slice_of(contour, slices, name)
        if k is not None:
            by_slice.setdefault(k, []).append(contour)
    array = np.zeros(lattice.shape, dtype=np.uint8, order="F")
    overhanging, crossing = 0, 0
    for k, drawn in by_slice.items():
        rings = [lattice.in_plane(contour.points_ras_mm, k) for contour in drawn]
        overhanging += sum(_overhangs(ring, lattice) for ring in rings)
        crossing += fill(array[:, :, k].view(bool), rings)
    outside = len(usable) - sum(len(drawn) for drawn in by_slice.values())
    if usable and not by_slice:
        raise refused(
            "OUTSIDE_IMAGE",
            f"label '{name}': all contours are outside the image; use the image they were drawn on",
        )
    return Drawn(
        array,
        tuple(
            _findings(
                name,
                by_slice,
                is_empty=not array.any(),
                outside=outside,
                overhanging=overhanging,
                crossing=crossing,
                short=len(contours) - len(usable),
            )
        ),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Slices:
    """Where the slices are along their normal, and the slices and frames of each SOP instance."""

    normal: NDArray[np.float64]
    positions_mm: NDArray[np.float64]
    gaps_mm: NDArray[np.float64]
    instances: dict[str, list[tuple[int, int]]]

    @classmethod
    def of(cls, lattice: SliceGrid) -> _Slices:
        instances: dict[str, list[tuple[int, int]]] = {}
        for k, (instance, frame) in enumerate(lattice.instances):
            if instance:
                instances.setdefault(instance, []).append((k, frame))
        return cls(lattice.normal, lattice.positions_mm, lattice.gaps_mm, instances)


def _slice_of(contour: Contour, slices: _Slices, name: str) -> int | None:
    """The slice of a contour; None outside the image; raises RefusedError if none fits."""
    along = contour.points_ras_mm @ slices.normal
    position, spread = float(np.median(along)), float(np.ptp(along)) / 2
    of_instance = slices.instances.get(contour.instance, [])
    named = [k for k, frame in of_instance if contour.frame in (0, frame)]
    nearest = int(np.abs(slices.positions_mm - position).argmin())
    k = named[0] if len(named) == 1 else nearest
    off, gap = abs(float(slices.positions_mm[k]) - position), float(slices.gaps_mm[k])
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


def fill(mask: NDArray[np.bool_], rings: Sequence[NDArray[np.float64]]) -> int:
    """Fill an empty mask (i, j) by the exclusive or of closed contours; count those that cross."""
    once, twice = np.zeros_like(mask), False
    compared: list[NDArray[np.uint8]] = []
    for ring in rings:
        box, part = rasterize_box(ring, shape=(mask.shape[0], mask.shape[1]))
        mask[box] ^= part
        twice = twice or bool((once[box] & part).any())
        once[box] |= part
        if len(rings) > 1 and len(compared) < MOST_COMPARED:
            whole = np.zeros(mask.shape, dtype=bool)
            whole[box] = part
            compared.append(np.packbits(whole))
    return _crossings(np.stack(compared)) if twice else 0


def _crossings(parts: NDArray[np.uint8]) -> int:
    """The number of pairs of packed masks that overlap without being nested, or MOST_CROSSINGS."""
    sizes = np.bitwise_count(parts).sum(axis=1, dtype=np.int64)
    count = 0
    for second in range(1, len(parts)):
        both = np.bitwise_count(parts[:second] & parts[second]).sum(axis=1, dtype=np.int64)
        smaller = np.minimum(sizes[:second], sizes[second])
        count += int(np.count_nonzero((both > 0) & (both < smaller)))
        if count >= MOST_CROSSINGS:
            return MOST_CROSSINGS
    return count


def _findings(
    name: str,
    by_slice: dict[int, list[Contour]],
    *,
    is_empty: bool,
    outside: int,
    overhanging: int,
    crossing: int,
    short: int,
) -> list[Finding]:
    rows = [
        (outside, "OUTSIDE_IMAGE", "{count} contour(s) outside the slices of the image ignored"),
        (
            overhanging,
            "CLIPPED_CONTOUR",
            "{count} contour(s) clipped at the border of the image, beyond its rows or columns",
        ),
        (
            crossing,
            "CROSSING_CONTOURS",
            "{count} pair(s) of crossing contours on one slice; their intersection is a hole",
        ),
        (short, "SHORT_CONTOUR", "{count} contour(s) with fewer than three points ignored"),
        (int(is_empty), "EMPTY_LABEL", "no voxel centre is inside a contour; the mask is empty"),
    ]
    used = sorted(by_slice)
    skipped = used[-1] - used[0] + 1 - len(used) if used else 0
    regular = skipped and len(used) > 2 and len(set(np.diff(used).tolist())) == 1
    if regular:
        text = f"only one slice in {used[1] - used[0]} has a contour; "
        rows.append((skipped, "SKIPPED_SLICES", text + "{count} slices between them are empty"))
    limits = {"CROSSING_CONTOURS": MOST_CROSSINGS}
    return [
        Finding(code, _SEVERITIES[code], name, text, count, limits.get(code))
        for count, code, text in rows
        if count
    ]
