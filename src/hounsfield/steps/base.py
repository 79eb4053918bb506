"""The protocols of steps: frozen dataclasses that plan on a Spec and are then applied to voxels.

Steps that one pass over the voxels can combine are of four kinds.

* `GeometricStep` (geometric.py) changes only the grid; consecutive ones compose into one sampling.
* `PointwiseStep` (pointwise.py) changes each value on its own; a clamped linear function is fused
  with the sampling.
* `Slab` projects during the sampling that it follows.
* `Resolvable` depends on voxel data; `resolve(case)` returns the equivalent step with fixed
  parameters.

Any other step (a filter, a mask) needs several voxels at once and ends a pass.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from hounsfield.core.spec import Spec
from hounsfield.core.volume import Case, Volume


@runtime_checkable
class Step(Protocol):
    """A step: `plan` maps a Spec, `apply` maps a Case."""

    def plan(self, spec: Spec) -> Spec:
        """Return the Spec of the result for an image of `spec`.

        Raises QuantityError or GeometryError if the step cannot be applied.
        """

    def apply(self, case: Case) -> Case:
        """Apply the step to image, labels and masks."""


@runtime_checkable
class Resolvable(Protocol):
    """A step whose parameters depend on voxel data."""

    def plan(self, spec: Spec) -> Spec:
        """Return what is known of the result before `resolve`."""

    def resolve(self, case: Case) -> Step:
        """Return the equivalent step with fixed parameters for this case."""


AnyStep = Step | Resolvable
"""A step of a pipeline."""


def completed(step: Step, spec: Spec) -> Step:
    """Return the step with all parameters that it derives from the Spec, as stored in a record.

    A step may have a method `completed(spec)`; any other step is returned unchanged.
    """
    complete = getattr(step, "completed", None)
    result = step if complete is None else complete(spec)
    assert isinstance(result, Step)
    return result


def needs_voxels(step: object) -> bool:
    """Return whether the final plan of a step depends on voxel data.

    A Resolvable may have an attribute `needs_voxels`, False if its parameters are sufficient.
    """
    return callable(getattr(step, "resolve", None)) and bool(getattr(step, "needs_voxels", True))


def masks_of(step: object) -> tuple[str, ...]:
    """Return the names of the masks that a step adds: its attribute `adds`, a name or several."""
    added = getattr(step, "adds", ())
    return (added,) if isinstance(added, str) else tuple(added)


def image_only(case: Case, image: Volume) -> Case:
    """Return the case with another image on the same grid."""
    return Case(image, case.labels, case.masks)
