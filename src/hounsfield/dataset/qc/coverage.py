"""Check what the scan covers: extent, field of view, vertex and base of a head, table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hounsfield.dataset.qc.scan import Bools, CoarseScan
from hounsfield.dataset.qc.value import Check, QualityValue
from hounsfield.kernels.mask import Bits, Spacing, components, dilate

EXTENT = Check(
    name="extent",
    unit="mm",
    low=20.0,
    weight=2.0,
    source="one rotation of the narrowest multi-slice detector in use, 16 x 1.25 mm = 20 mm",
)

FIELD = Check(
    name="cut_by_field_of_view",
    unit="mm",
    high=20.0,
    weight=2.0,
    source="a body that only touches the edge, by 20 mm or less: an elbow, or skin on a table",
)

VERTEX = Check(
    name="vertex",
    unit="share",
    high=0.25,
    weight=4.0,
    source="a sphere of 85 mm (a cranium) has 0.22 of its largest section 10 mm below its top, "
    "the thickest routine slice",
)

BASE = Check(
    name="skull_base",
    unit="share",
    high=0.5,
    weight=4.0,
    source="at the foramen magnum bone encloses no more than the posterior fossa, under half of "
    "the largest section of the cranium (design/qc.md)",
)

SUPERIOR = Check(
    name="area_superior",
    unit="share",
    source="section of the body in the slice nearest to the head over the largest; described only",
)

INFERIOR = Check(
    name="area_inferior",
    unit="share",
    source="section of the body in the slice nearest to the feet over the largest; described only",
)

TABLE = Check(
    name="table",
    unit="share",
    source="tissue of -400 HU or more outside of the body over all of it; described only",
)

BONE_HU = 250.0
"""Bone of the vault, with partial volume: above enhanced blood in veins, under trabecular bone of
the diploe (300 HU and more)."""

CLOSING_MM = 3.0
"""Half of the widest gap in a ring of bone that counts as closed: sutures and thin squamae of
sampled voxels."""

CRANIUM_SHARE = 0.45
"""Least share of a section that bone encloses in a cranium: 0.6 to 0.8, in a pelvis or chest
under 0.2."""

CRANIUM_MM2 = (4000.0, 32000.0)
"""Section of what bone encloses at the widest: a newborn's cranium is 90 x 70 mm, an adult's up to
210 x 170 mm."""

HEAD_MM2 = 60000.0
"""Larger sections are no head: 230 x 330 mm, with the shoulders beginning."""

CRANIUM_MM = 20.0
"""Least height over which a cranium is found, so that a ring in one section is none."""


def extent(scan: CoarseScan) -> QualityValue:
    """The extent along the slices, with half a slice at both ends."""
    positions = scan.stack.positions_mm
    size = float(positions[-1] - positions[0]) + scan.stack.step_mm
    return EXTENT.of(size, f"the scan is {size:.1f} mm long: a fragment of an examination")


def field_of_view(scan: CoarseScan) -> QualityValue:
    """The longest contact of the body with the edge of the field of view in a slice, mm."""
    if not scan.body.any() or (scan.body.all() and not scan.has_air):
        return FIELD.unknown("no body with air in it or around it")
    edge = _edge(scan)
    cell = float(np.mean(scan.spacing_mm[:2]))
    contact = float((scan.body & edge).sum(axis=(0, 1)).max()) * cell
    cut = "the body is cut by the edge of the field of view, or the image was cropped to it"
    return FIELD.of(contact, f"{cut}, for up to {contact:.0f} mm in a slice")


def _edge(scan: CoarseScan) -> Bools:
    """The edge of the field of view: of the image, or of the circle if all outside is constant."""
    i, j, _ = scan.hu.shape
    border = np.zeros((i, j), dtype=bool)
    border[[0, -1], :] = border[:, [0, -1]] = True
    half = min(i, j) / 2
    x, y = np.meshgrid(np.arange(i) - (i - 1) / 2, np.arange(j) - (j - 1) / 2, indexing="ij")
    radius = np.hypot(x, y)
    corners = scan.hu[radius > half + 1]
    if i == j and corners.size and corners.min() == corners.max():
        border |= (radius > half - 1.5) & (radius <= half + 1)
    return border[:, :, None]


@dataclass(frozen=True, slots=True, eq=False)
class Cranium:
    """The section that bone encloses in each sampled slice, mm2, and whether they are a cranium.

    `largest_mm2` is the largest section of the head where bone encloses it.
    """

    enclosed_mm2: NDArray[np.float64]
    is_cranium: bool
    largest_mm2: float = 0.0


def cranium_of(scan: CoarseScan) -> Cranium:
    """Find a cranium: slices in which a ring of bone encloses most of the body's section."""
    areas = scan.areas_mm2
    enclosed = np.zeros(len(areas))
    chosen = np.flatnonzero((areas > 0) & (areas <= HEAD_MM2))
    if not chosen.size:
        return Cranium(enclosed, False)
    hu = scan.hu[:, :, chosen] - np.float32(scan.offset_hu)
    bone = scan.body[:, :, chosen] & (hu >= BONE_HU)
    enclosed[chosen] = _enclosed(bone, scan.spacing_mm) * scan.spacing_mm[0] * scan.spacing_mm[1]
    low, high = CRANIUM_MM2
    is_ring = (enclosed >= CRANIUM_SHARE * np.maximum(areas, 1)) & (enclosed >= low / 2)
    height = float(is_ring.sum()) * scan.spacing_mm[2]
    is_cranium = low <= enclosed.max() <= high and height >= CRANIUM_MM
    return Cranium(enclosed, is_cranium, float(areas[is_ring].max(initial=0.0)))


def _enclosed(bone: Bools, spacing_mm: Spacing) -> NDArray[np.int64]:
    """Count the voxels of each slice (i, j, n) that closed rings of bone enclose.

    All slices are one image, with a free column between them, so that one search finds the outside.
    """
    flat = (*spacing_mm[:2], 1e3)
    ring = dilate(Bits.pack(bone), CLOSING_MM, spacing_mm=flat).expand()
    wide = np.pad(ring, ((1, 1), (0, 1), (0, 0)))
    free = ~Bits.pack(wide.reshape(wide.shape[0], -1, 1, order="F"))
    parts = components(free)
    inside = parts.keep(np.arange(len(parts.sizes)) != 0).expand()  # the first is the outside
    return np.asarray(inside.reshape(wide.shape, order="F").sum(axis=(0, 1)), dtype=np.int64)


def ends(scan: CoarseScan, cranium: Cranium) -> tuple[QualityValue, ...]:
    """The sections of the body in the end slices, and whether a head has its vertex and base."""
    checks = (SUPERIOR, INFERIOR, VERTEX, BASE)
    if not scan.body.any() or scan.ascends is None or scan.is_single:
        why = "no body" if not scan.body.any() else "the slices are not transverse, or only one"
        return tuple(check.unknown(why) for check in checks)
    if not scan.has_both_ends:
        return tuple(check.unknown("the first or last slice was not read") for check in checks)
    top, bottom = (-1, 0) if scan.ascends else (0, -1)
    share = scan.areas_mm2 / max(float(scan.areas_mm2.max()), 1e-9)
    made = (SUPERIOR.of(share[top]), INFERIOR.of(share[bottom]))
    if not cranium.is_cranium:
        return (*made, VERTEX.unknown("no cranium"), BASE.unknown("no cranium"))
    if scan.areas_mm2.max() > HEAD_MM2:
        more = "the scan shows more than a head, which may end where it was planned"
        return (*made, VERTEX.unknown(more), BASE.unknown(more))
    vertex = float(scan.areas_mm2[top]) / cranium.largest_mm2
    return (*made, _vertex(vertex), _base(cranium, bottom))


def _vertex(share: float) -> QualityValue:
    reason = f"the section of the head in the top slice is {share:.0%} of the largest"
    return VERTEX.of(share, f"{reason}: the vertex is not in the scan")


def _base(cranium: Cranium, bottom: int) -> QualityValue:
    share = float(cranium.enclosed_mm2[bottom] / cranium.enclosed_mm2.max())
    reason = f"bone encloses {share:.0%} of the largest section in the lowest slice"
    return BASE.of(share, f"{reason}: the base of the skull is not in the scan")


def table(scan: CoarseScan) -> QualityValue:
    """The share of tissue outside of the body: table, headrest, tubes."""
    if not scan.has_body:
        return TABLE.unknown("no body with air around it")
    return TABLE.of(scan.left_out)
