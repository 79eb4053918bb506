"""Segment the inside of the skull, and report a skull that is open or cut."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from hounsfield.core.arguments import checked
from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.grid import Grid
from hounsfield.core.spec import Spec
from hounsfield.core.volume import Case
from hounsfield.kernels.intracranial import Cavity, Intracranial
from hounsfield.steps.fixed_mask import Empty, FixedMask, expect_hu, fix_mask
from hounsfield.steps.head_mask import HeadMask
from hounsfield.steps.parse import finite, length_mm, one_of

SKULL_OPEN = "SKULL_OPEN"
SKULL_CUT = "SKULL_CUT"

MOST_OPEN = 0.03
"""Largest fraction of rays that leave a closed skull without hitting bone.

About 1 % leave through the foramen magnum and the orbits; a defect of 6 cm is 4 % of all directions
from the centre of the head."""

_SIDES = {
    "L": "left",
    "R": "right",
    "P": "posterior",
    "A": "anterior",
    "I": "inferior",
    "S": "superior",
}
_OPPOSITE = dict(zip("LRPAIS", "RLAPSI", strict=True))


@checked
@dataclass(frozen=True, slots=True, kw_only=True)
class BrainMask:
    """Find what the skull encloses and add it as the mask 'brain'.

    The mask reaches down to the foramen magnum, with fluid, bleeds and dura. No learned weights are
    used.

    Parameters
    ----------
    bone_hu : float, default 250
        Lowest HU of bone.
    low_hu : float, default -20
        Lowest HU of soft tissue, of the median over 2 mm; orbital fat is below.
    high_hu : float, default 100
        Highest HU of soft tissue, of the median over 2 mm.
    most_hu : float, default 300
        Highest HU of a voxel in the mask.
    bridge_mm : float, default 5
        What a ball of this radius cannot pass (orbits, nerves, vessels) is cut off, mm.
    empty : {'refuse', 'keep'}, default 'refuse'
        Refuse a scan in which bone encloses nothing, or add an empty mask.

    Raises
    ------
    QuantityError
        If a parameter is invalid.

    Notes
    -----
    Inside is where nearly all rays meet bone before they leave the head, so the skull may have
    holes. Where it is open (a defect, a fontanelle) or cut by the end of the volume, the mask
    reaches as far as bone encloses it, and diagnostics tell (SKULL_OPEN, SKULL_CUT). The method is
    that of design/masks.md.

    Examples
    --------
    >>> BrainMask().most_hu
    300.0
    """

    adds: ClassVar[str] = "brain"

    bone_hu: float = 250.0
    low_hu: float = -20.0
    high_hu: float = 100.0
    most_hu: float = 300.0
    bridge_mm: float = 5.0
    empty: Empty = "refuse"

    def __post_init__(self) -> None:
        for name in ("bone_hu", "low_hu", "high_hu", "most_hu"):
            object.__setattr__(self, name, finite(getattr(self, name), name=name))
        object.__setattr__(self, "bridge_mm", length_mm(self.bridge_mm, name="bridge_mm"))
        one_of(self.empty, Empty, name="empty")

    def plan(self, spec: Spec) -> Spec:
        """Return `spec`; raises QuantityError unless the image is HU."""
        expect_hu(spec, step="BrainMask")
        return spec

    def resolve(self, case: Case) -> FixedMask:
        """Segment; raises RefusedError if no skull is found and `empty` is 'refuse'."""
        spec = self.plan(case.image.spec)
        wanted = Intracranial(
            bone_hu=self.bone_hu,
            low_hu=self.low_hu,
            high_hu=self.high_hu,
            most_hu=self.most_hu,
            bridge_mm=self.bridge_mm,
        )
        cavity = wanted.find(
            case.image.array, spacing_mm=spec.grid.spacing_mm, head=HeadMask().outline
        )
        return fix_mask(
            "brain",
            cavity.voxels,
            spec=spec,
            empty=self.empty,
            diagnostics=_diagnostics(cavity, spec.grid),
            missing=f"no bone of {self.bone_hu:g} HU or more encloses a region",
        )


def _diagnostics(cavity: Cavity, grid: Grid) -> tuple[Diagnostic, ...]:
    messages = {}
    if cavity.open_share > MOST_OPEN:
        messages[SKULL_OPEN] = (
            f"skull open: {cavity.open_share:.0%} of all rays leave it without hitting bone; "
            f"the mask ends where bone no longer encloses it: check it there"
        )
    letters = [(grid.orientation[axis], side) for axis, side in cavity.cut_faces]
    faces = " and ".join(_SIDES[letter if side else _OPPOSITE[letter]] for letter, side in letters)
    if faces:
        messages[SKULL_CUT] = f"skull cut by the volume's {faces} end; the mask ends there"
    return tuple(
        Diagnostic(code, "warning", message, "mask 'brain'") for code, message in messages.items()
    )
