"""Where a run had to look at voxels, as a step of its record."""

from __future__ import annotations

from dataclasses import dataclass

from hounsfield.core.spec import Spec
from hounsfield.core.volume import Case


@dataclass(frozen=True, slots=True, kw_only=True)
class EndPass:
    """End a pass: the steps after it read the voxels that the steps before it made.

    A step that looks at voxels ends a pass; the resolved steps of a record hold this in front of what it came down to, so
    that they give the same voxels again.
    """

    def plan(self, spec: Spec) -> Spec:
        """The image stays as it is."""
        return spec

    def apply(self, case: Case) -> Case:
        """The case as it is."""
        return case
