"""What the masks of a head and of a body share: the outline of a patient, found by one algorithm (design/masks.md)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from hounsfield.core.spec import Spec
from hounsfield.core.volume import Case
from hounsfield.kernels.outline import Outline
from hounsfield.steps.fixed_mask import Empty, FixedMask, doubts, expect_hu, fix_mask
from hounsfield.steps.parse import finite, one_of, over_zero


@dataclass(frozen=True, slots=True, kw_only=True)
class OutlineMask:
    """Parameters of an outline; a subclass says which mask it adds, on what cells, and whether it is one object."""

    adds: ClassVar[str]
    cell_mm: ClassVar[float]
    single: ClassVar[bool]

    tissue_hu: float = -400.0
    bridge_mm: float = 5.0
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
        return Outline(
            tissue_hu=self.tissue_hu,
            bridge_mm=self.bridge_mm,
            core_mm=self.core_mm,
            closing_mm=self.closing_mm,
            cell_mm=self.cell_mm,
            single=self.single,
        )

    def plan(self, spec: Spec) -> Spec:
        """The image stays as it is; raises QuantityError unless it is HU."""
        expect_hu(spec, step=type(self).__name__)
        return spec

    def resolve(self, case: Case) -> FixedMask:
        """Look for it; raises RefusedError where there is none and `empty` is 'refuse'."""
        spec = self.plan(case.image.spec)
        found = self.outline.find(case.image.array, spacing_mm=spec.grid.spacing_mm)
        return fix_mask(
            self.adds,
            found.voxels,
            spec=spec,
            empty=self.empty,
            diagnostics=doubts(self.adds, found.left_out),
            missing=f"nothing from {self.tissue_hu:g} HU on holds a ball of {self.core_mm:g} mm",
        )
