"""What a step is: a frozen dataclass that plans on a Spec in microseconds, and is then applied to voxels.

There are four kinds, by what the one pass can do with them.

* `Geometric`: only the grid changes; runs of them compose into one sampling.
* `Pointwise`: each value changes by itself; `transfer` gives it as a clamped line that folds into a sampling.
* `Neighborhood`: needs more than one voxel (a filter, a slab, a mask): it ends a pass.
* `Resolvable`: has to look at voxels before it can be planned; `resolve(case)` returns the fixed step that it means.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from hounsfield.core.spec import Spec
from hounsfield.core.volume import Case, Volume

Method = Literal["auto", "nearest", "linear", "area", "conservative", "cubic"]


@dataclass(frozen=True, slots=True)
class Transfer:
    """The clamped line y = min(max(x * slope + intercept, low), high); such lines compose into another one.

    >>> Transfer(low=-100, high=1000).then(Transfer(slope=1 / 1100, intercept=100 / 1100))(np.float32(3000))
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


@runtime_checkable
class Step(Protocol):
    """Anything that maps a Spec and then a Case."""

    def plan(self, spec: Spec) -> Spec:
        """The Spec that `apply` will give for an image of `spec`; raises QuantityError or GeometryError."""

    def apply(self, case: Case) -> Case:
        """Do it, to image, labels and masks alike."""


@runtime_checkable
class Geometric(Step, Protocol):
    """A step that changes the grid alone."""

    method: Method


@runtime_checkable
class Pointwise(Step, Protocol):
    """A step that changes each value by itself."""

    def transfer(self, spec: Spec) -> Transfer | None:
        """It as a clamped line, or None where it is none."""


@runtime_checkable
class Resolvable(Protocol):
    """A step that has to look at voxels first."""

    def plan(self, spec: Spec) -> Spec:
        """What is known of the result before looking."""

    def resolve(self, case: Case) -> Step:
        """The fixed step that it means for this case."""


def image_only(case: Case, image: Volume) -> Case:
    """The case with another image on the same grid."""
    return Case(image, case.labels, case.masks)
