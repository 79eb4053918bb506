"""A step of records that ends a pass."""

from __future__ import annotations

from dataclasses import dataclass

from hounsfield.core.spec import Spec
from hounsfield.core.volume import Case


@dataclass(frozen=True, slots=True, kw_only=True)
class EndPass:
    """End a pass: the steps after it use the computed voxels of the steps before it.

    A step that depends on voxels ends a pass. The resolved steps of a record have this step before
    the resolved one, so that they are fused in the same way and give the same voxels.
    """

    def plan(self, spec: Spec) -> Spec:
        """Return `spec`; the image is unchanged."""
        return spec

    def apply(self, case: Case) -> Case:
        """Return `case` unchanged."""
        return case
