"""What a step is: a frozen dataclass that plans on a Spec in microseconds, and is then applied to voxels.

There are four kinds, by what the one pass can do with them.

* `GeometricStep` (geometric.py): only the grid changes; runs of them compose into one sampling.
* `PointwiseStep` (pointwise.py): each value changes by itself; a clamped line folds into a sampling.
* `Slab`: a projection runs along with the sampling that it follows.
* `Resolvable`: has to look at voxels before it can be planned; `resolve(case)` returns the fixed step that it means.

Any other step needs more than one voxel (a filter, a mask): it ends a pass.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from hounsfield.core.spec import Spec
from hounsfield.core.volume import Case, Volume


@runtime_checkable
class Step(Protocol):
    """Anything that maps a Spec and then a Case."""

    def plan(self, spec: Spec) -> Spec:
        """The Spec that `apply` will give for an image of `spec`; raises QuantityError or GeometryError."""

    def apply(self, case: Case) -> Case:
        """Do it, to image, labels and masks alike."""


@runtime_checkable
class Resolvable(Protocol):
    """A step that has to look at voxels first."""

    def plan(self, spec: Spec) -> Spec:
        """What is known of the result before looking."""

    def resolve(self, case: Case) -> Step:
        """The fixed step that it means for this case."""


AnyStep = Step | Resolvable
"""What a pipeline is made of."""


def completed(step: Step, spec: Spec) -> Step:
    """The step with every parameter that it takes from the Spec written out, as a record keeps it.

    A step may have a method `completed(spec)`; others say everything themselves.
    """
    settle = getattr(step, "completed", None)
    result = step if settle is None else settle(spec)
    assert isinstance(result, Step)
    return result


def needs_voxels(step: object) -> bool:
    """Whether a step has to look at voxels before it can be planned for good.

    A Resolvable may have an attribute `needs_voxels` that is False where its parameters already say everything.
    """
    return callable(getattr(step, "resolve", None)) and bool(getattr(step, "needs_voxels", True))


def image_only(case: Case, image: Volume) -> Case:
    """The case with another image on the same grid."""
    return Case(image, case.labels, case.masks)
