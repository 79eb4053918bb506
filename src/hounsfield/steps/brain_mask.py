"""Segment the inside of the skull, and report a skull that is open or cut."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from hounsfield.core.arguments import checked
from hounsfield.core.spec import Spec
from hounsfield.core.volume import Case
from hounsfield.kernels.cavity import Cavity
from hounsfield.kernels.intracranial import ENCLOSED_ML, Intracranial
from hounsfield.steps.brain_findings import findings
from hounsfield.steps.fixed_mask import Empty, FixedMask, expect_hu, fix_mask
from hounsfield.steps.head_mask import HeadMask
from hounsfield.steps.parse import finite, length_mm, one_of


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
    Inside is where nearly all rays meet bone before they leave the head. Openings of the skull (a
    defect, a fontanelle, the foramen magnum) are closed by a surface from rim to rim; SKULL_OPEN
    reports where and how large they are. SKULL_CUT reports that the volume ends within the skull,
    BRAIN_DOUBTFUL a mask whose values, volume or shape no skull has. The method is that of
    design/masks.md.

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
        head = HeadMask()
        cavity = wanted.find(case.image.array, spacing_mm=spec.grid.spacing_mm, head=head.outline)
        return fix_mask(
            "brain",
            cavity.voxels,
            spec=spec,
            empty=self.empty,
            diagnostics=findings(cavity, spec.grid),
            missing=self._reason(cavity, head),
        )

    def _reason(self, cavity: Cavity, head: HeadMask) -> str:
        """Why the mask is empty: what is missing first."""
        bone, soft = f"{self.bone_hu:g} HU or more", f"{self.low_hu:g} to {self.high_hu:g} HU"
        measures = cavity.measures
        reasons = {
            "": "",
            "head": f"no tissue of {head.tissue_hu:g} HU or more contains a ball "
            f"of radius {head.core_mm:g} mm",
            "bone": f"no bone of {bone}",
            "soft": f"no soft tissue of {soft}",
            "enclosure": f"bone of {bone} encloses {measures.volume_ml:.0f} mL of the head; "
            f"at least {ENCLOSED_ML:.0f} mL expected",
            "range": f"bone encloses {measures.volume_ml:.0f} mL with a median of "
            f"{measures.median_hu:.0f} HU; soft tissue of {soft} expected",
            "width": f"the enclosed soft tissue is narrower than {2 * self.bridge_mm:g} mm",
        }
        return reasons[cavity.missing]
