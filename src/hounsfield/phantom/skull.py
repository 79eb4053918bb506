"""Variants of the phantom's skull: defects, a large cisterna magna, cervical vertebrae."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from hounsfield.core.errors import GeometryError
from hounsfield.phantom.anatomy import SIDES, SKULL_RADII_MM
from hounsfield.phantom.shape import Floats, Part, Shape, ellipsoid, tube
from hounsfield.phantom.tissue import Tissue as T

DefectPlace = Literal["suboccipital", "parietal", "frontal", "temporal", "vertex"]

PLACES: dict[DefectPlace, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    "suboccipital": ((0.0, -42.0, -28.0), (0.2, -0.82, -0.54)),
    "parietal": ((0.0, 0.0, 0.0), (0.75, -0.25, 0.6)),
    "frontal": ((0.0, 0.0, 0.0), (0.4, 0.8, 0.45)),
    "temporal": ((0.0, 0.0, 0.0), (0.98, 0.1, -0.05)),
    "vertex": ((0.0, 0.0, 0.0), (0.1, -0.1, 1.0)),
}
"""A point inside the skull and the direction (RAS+) from it to the middle of the defect.

Suboccipital and frontotemporoparietal openings are those of craniectomies; the defects are on the
right of the midline, as an approach is."""

POSTERIOR_FOSSA = ((0.0, -42.0, -28.0), (50.0, 38.0, 30.0))
"""Centre and radii of the posterior fossa in `anatomy`, mm."""

OCCIPITAL_MM = 3.6
"""Thickness of the bone of the posterior fossa in `anatomy`, 3.5 mm, and a margin."""

DEPTH_MM = 30.0
"""How far a defect goes through the bone to both sides of the skull's surface."""

VERTEBRAE_MM = ((-96.0, 11.0), (-124.0, 9.0))
"""Level S and half height of C2 and C3; C1 is a ring already."""

ROOF_MM = 1.5
"""Thickness of the roof of an orbit: 1 to 2 mm in adults."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SkullVariant:
    """Hold what differs in a skull from the default one.

    Parameters
    ----------
    defect_mm : float, default 0
        Diameter of a round hole in the skull, mm; 0 for none. The brain does not move.
    place : {'suboccipital', 'parietal', 'frontal', 'temporal', 'vertex'}, default 'parietal'
        Where the hole is, on the right side.
    filling : {'tissue', 'fluid'}, default 'tissue'
        What fills the hole: scar and muscle, or fluid that has come out of the skull. Neither
        belongs to the mask 'brain'.
    cisterna_magna : bool, default False
        Fluid fills the lower half of the posterior fossa, and belongs to the mask 'brain'.
    vertebrae : bool, default False
        Rings of bone enclose the spinal canal down to C3.
    orbital_roofs : bool, default False
        Bone of 1.5 mm separates the orbits from the brain.

    Raises
    ------
    GeometryError
        If the diameter is negative or the place or filling unknown.

    Examples
    --------
    >>> SkullVariant(defect_mm=50, place="frontal").filling
    'tissue'
    """

    defect_mm: float = 0.0
    place: DefectPlace = "parietal"
    filling: Literal["tissue", "fluid"] = "tissue"
    cisterna_magna: bool = False
    vertebrae: bool = False
    orbital_roofs: bool = False

    def __post_init__(self) -> None:
        if not (np.isfinite(self.defect_mm) and self.defect_mm >= 0):
            raise GeometryError(f"the defect is {self.defect_mm} mm; expected 0 or more")
        for name, allowed in (("place", get_args(DefectPlace)), ("filling", ("tissue", "fluid"))):
            if getattr(self, name) not in allowed:
                found = getattr(self, name)
                raise GeometryError(f"{name} is {found!r}; expected one of {', '.join(allowed)}")

    @property
    def bones(self) -> tuple[Shape, ...]:
        """What covers the bones of the default skull: vertebrae, and the tissue in the hole."""
        vertebrae = [
            tube(T.COMPACT_BONE, (0, -38, level), (24, 27, half)) for level, half in VERTEBRAE_MM
        ]
        hole = self._hole() if self.defect_mm else ()
        return (*(vertebrae if self.vertebrae else ()), *hole)

    @property
    def contents(self) -> tuple[Shape, ...]:
        """What covers the brain: a large cisterna magna, the roofs of the orbits."""
        centre, radii = POSTERIOR_FOSSA
        fluid = ellipsoid(T.CSF, (0, -62, -46), (40, 32, 24))
        cisterna = Shape(T.CSF, (*fluid.parts, *ellipsoid(T.CSF, centre, radii).parts))
        roofs = [
            ellipsoid(
                T.COMPACT_BONE,
                (side * 31, 70, -32),
                (17.6 + ROOF_MM, 23 + ROOF_MM, 16.6 + ROOF_MM),
                (0, 0, side * -8),
            )
            for side in SIDES
        ]
        return (
            *((cisterna,) if self.cisterna_magna else ()),
            *(roofs if self.orbital_roofs else ()),
        )

    def _hole(self) -> tuple[Shape, ...]:
        """A cylinder through the vault, and through the bone of the posterior fossa."""
        tissue = T.MUSCLE if self.filling == "tissue" else T.SPINAL_FLUID
        centre, way = (np.array(each) for each in PLACES[self.place])
        way /= np.linalg.norm(way)
        origin, radii = POSTERIOR_FOSSA
        base = ellipsoid(tissue, origin, [radius + OCCIPITAL_MM for radius in radii])
        vault = ellipsoid(tissue, (0, 0, 0), SKULL_RADII_MM)
        outer = base if self.place == "suboccipital" else vault
        cylinder = _cylinder(_surface(outer, centre, way), way, self.defect_mm / 2)
        return tuple(Shape(tissue, (*cylinder, *each.parts)) for each in (vault, base))


def _surface(shape: Shape, centre: Floats, way: Floats) -> Floats:
    """The point where a ray from inside leaves the shape."""
    steps = np.arange(0.0, 200.0, 0.1)
    inside = shape.contains(centre + steps[:, None] * way)
    return np.asarray(centre + steps[inside].max() * way)


def _cylinder(point: Floats, way: Floats, radius_mm: float) -> Sequence[Part]:
    """A cylinder along `way`, `DEPTH_MM` to both sides of a point."""
    first = np.cross(way, np.eye(3)[np.abs(way).argmin()])
    first /= np.linalg.norm(first)
    round_rows = np.stack([first, np.cross(way, first)]) / radius_mm
    return [_part(point, round_rows), _part(point, way[None] / DEPTH_MM)]


def _part(point: Floats, rows: Floats) -> Part:
    r, a, s = (float(value) for value in point)
    return Part((r, a, s), tuple((float(x), float(y), float(z)) for x, y, z in rows))
