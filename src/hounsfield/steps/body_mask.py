"""Find the patient's body: table and tubes cut off, lungs and bowel gas inside, limbs kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from hounsfield.core.spec import Spec
from hounsfield.core.volume import Case
from hounsfield.kernels.outline import Outline
from hounsfield.steps.fixed_mask import Empty, FixedMask, doubts, expect_hu, fix_mask
from hounsfield.steps.parse import finite, one_of, over_zero

CELL_MM = 2.0
"""A quarter of the thinnest table that bridges to a patient, and twice the pixel of a routine body scan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyMask:
    """Add the mask 'body': all of the patient (both thighs, an arm apart) within the skin, lungs and gas included.

    Voxels from `tissue_hu` on are tissue (-400: midway between air and skin). What a ball of radius `bridge_mm` cannot
    sweep is cut off, so table tops thinner than twice that go. Each part must somewhere hold a ball of `core_mm` and
    have a fiftieth of the largest part's volume. Openings narrower than twice `closing_mm` close, so that the air
    behind them is inside. `empty`: refuse a scan without a body, or keep the empty mask.

    >>> BodyMask().tissue_hu
    -400.0
    """

    adds: ClassVar[str] = "body"

    tissue_hu: float = -400.0
    bridge_mm: float = 4.0
    core_mm: float = 10.0
    closing_mm: float = 5.0
    empty: Empty = "refuse"

    def __post_init__(self) -> None:
        object.__setattr__(self, "tissue_hu", finite(self.tissue_hu, name="tissue_hu"))
        for name in ("bridge_mm", "core_mm", "closing_mm"):
            object.__setattr__(self, name, over_zero(getattr(self, name), name=name))
        one_of(self.empty, Empty, name="empty")

    @property
    def outline(self) -> Outline:
        """What to look for."""
        return Outline(tissue_hu=self.tissue_hu, bridge_mm=self.bridge_mm, core_mm=self.core_mm,
                       closing_mm=self.closing_mm, cell_mm=CELL_MM, single=False)

    def plan(self, spec: Spec) -> Spec:
        """The image stays as it is; raises QuantityError unless it is HU."""
        expect_hu(spec, step="BodyMask")
        return spec

    def resolve(self, case: Case) -> FixedMask:
        """Look for it; raises RefusedError where there is none and `empty` is 'refuse'."""
        spec = self.plan(case.image.spec)
        found = self.outline.find(case.image.array, spacing_mm=spec.grid.spacing_mm)
        return fix_mask("body", found.voxels, spec=spec, empty=self.empty, findings=doubts("body", found.left_out),
                        missing=f"nothing from {self.tissue_hu:g} HU on holds a ball of {self.core_mm:g} mm")
