"""The base class of head and body masks: the outline of the patient (design/masks.md)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from hounsfield.core.diagnostic import Diagnostic
from hounsfield.core.spec import Spec
from hounsfield.core.volume import Case
from hounsfield.kernels.outline import Outline, Outlined
from hounsfield.steps.fixed_mask import Empty, FixedMask, expect_hu, fix_mask
from hounsfield.steps.mask_doubts import (
    cut_findings,
    doubtful,
    head_findings,
    left_out,
    whole_volume,
)
from hounsfield.steps.parse import finite, length_mm, one_of


@dataclass(frozen=True, slots=True, kw_only=True)
class OutlineMask:
    """Parameters of an outline.

    A subclass defines the name of its mask, the cell size, and whether only the largest component
    is kept.
    """

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
            object.__setattr__(self, name, length_mm(getattr(self, name), name=name))
        one_of(self.empty, Empty, name="empty")

    @property
    def outline(self) -> Outline:
        """The kernel of these parameters."""
        return Outline(
            tissue_hu=self.tissue_hu,
            bridge_mm=self.bridge_mm,
            core_mm=self.core_mm,
            closing_mm=self.closing_mm,
            cell_mm=self.cell_mm,
            single=self.single,
        )

    def plan(self, spec: Spec) -> Spec:
        """Return `spec`; raises QuantityError unless the image is HU."""
        expect_hu(spec, step=type(self).__name__)
        return spec

    def resolve(self, case: Case) -> FixedMask:
        """Segment; raises RefusedError if the mask is empty and `empty` is 'refuse'."""
        spec = self.plan(case.image.spec)
        found = self.outline.find(case.image.array, spacing_mm=spec.grid.spacing_mm)
        fixed = fix_mask(
            self.adds,
            found.voxels,
            spec=spec,
            empty=self.empty,
            missing=(
                f"no tissue of {self.tissue_hu:g} HU or more contains a ball "
                f"of radius {self.core_mm:g} mm"
            ),
        )
        if found.voxels.is_empty:
            return fixed
        return replace(fixed, diagnostics=(*fixed.diagnostics, *self._doubts(case, fixed, found)))

    def _doubts(self, case: Case, fixed: FixedMask, found: Outlined) -> tuple[Diagnostic, ...]:
        """Diagnostics of a mask that is not empty; a mask of the whole volume has one alone."""
        mask = fixed.apply(case).masks[self.adds].array
        whole = whole_volume(mask, tissue_hu=self.tissue_hu)
        if whole:
            return (doubtful(self.adds, whole),)
        outside = left_out(found.left_out)
        findings = [outside] if outside else []
        if self.single:
            findings += head_findings(
                case.image.array,
                mask,
                spacing_mm=case.image.grid.spacing_mm,
                tissue_hu=self.tissue_hu,
            )
        doubts = tuple(doubtful(self.adds, finding) for finding in findings)
        return doubts + cut_findings(found, name=self.adds, warn=self.single)
