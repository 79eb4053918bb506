"""What a step is: a frozen dataclass that plans on a Spec in microseconds, and is then applied to voxels.

There are four kinds, by what the one pass can do with them.

* `GeometricStep` (geometric.py): only the grid changes; runs of them compose into one sampling.
* `PointwiseStep` (pointwise.py): each value changes by itself; a clamped line folds into a sampling.
* `Slab`: a projection runs along with the sampling that it follows.
* `Resolvable`: has to look at voxels before it can be planned; `resolve(case)` returns the fixed step that it means.

Any other step needs more than one voxel (a filter, a mask): it ends a pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from hounsfield.core.axes import Method
from hounsfield.core.spec import Spec
from hounsfield.core.volume import Case, Volume

__all__ = ["IDENTITY", "Method", "Resolvable", "Step", "Transfer", "image_only", "needs_voxels", "settled"]


@dataclass(frozen=True, slots=True)
class Transfer:
    """The clamped line y = min(max(x * slope + intercept, low), high); such lines compose into another one.

    >>> Transfer(low=-100, high=1000).then(Transfer(slope=1 / 1100, intercept=100 / 1100))(3000.0)
    1.0
    """

    slope: float = 1.0
    intercept: float = 0.0
    low: float = float("-inf")
    high: float = float("inf")

    def __call__(self, value: float) -> float:
        return min(max(value * self.slope + self.intercept, self.low), self.high)

    def then(self, after: Transfer) -> Transfer:
        """This line followed by `after`."""
        first, second = sorted((after(self.low), after(self.high))) if after.slope else (after(0.0), after(0.0))
        return Transfer(self.slope * after.slope, self.intercept * after.slope + after.intercept, first, second)

    @property
    def is_identity(self) -> bool:
        """Whether it changes nothing."""
        return self == Transfer()


IDENTITY = Transfer()
"""The line that changes nothing."""


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


def settled(step: Step, spec: Spec) -> Step:
    """The step with every parameter that it takes from the Spec written out, as a record keeps it.

    A step may have a method `settled_on(spec)`; others say everything themselves.
    """
    settle = getattr(step, "settled_on", None)
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
