"""Map an interval of values linearly to another one (min-max normalisation)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hounsfield.core.errors import QuantityError
from hounsfield.core.spec import Quantity, Spec
from hounsfield.resampling.transfer import Transfer
from hounsfield.steps.parse import finite
from hounsfield.steps.pointwise import PointwiseStep, require

_QUANTITIES: dict[tuple[float, float], Quantity] = {(0.0, 1.0): "unit", (0.0, 255.0): "display"}


@dataclass(frozen=True, slots=True, kw_only=True)
class MapRange(PointwiseStep):
    """Map `from_low`..`from_high` linearly to `to_low`..`to_high`; with `clip`, clip to these.

    If from_low or from_high is None, the bounds of the last Clip are used; without one, planning
    raises QuantityError. Dtype out: float32. 0..1 makes 'unit', 0..255 'display', any other
    interval 'other'.
    """

    from_low: float | None = None
    from_high: float | None = None
    to_low: float = 0
    to_high: float = 1
    clip: bool = True

    def __post_init__(self) -> None:
        for name in ("from_low", "from_high"):
            if getattr(self, name) is not None:
                finite(getattr(self, name), name=name)
        if (
            self.from_low is not None
            and self.from_high is not None
            and self.from_low >= self.from_high
        ):
            raise QuantityError(
                f"from_low is {self.from_low}; expected less than from_high ({self.from_high})"
            )
        if finite(self.to_low, name="to_low") >= finite(self.to_high, name="to_high"):
            raise QuantityError(
                f"to_low is {self.to_low}; expected less than to_high ({self.to_high})"
            )

    def plan(self, spec: Spec) -> Spec:
        """Return the Spec of values in the new interval."""
        require(
            spec,
            "hu",
            "other",
            step="MapRange",
            why="a window or a mapping has already been applied",
        )
        line = self.transfer(spec)
        bounds = (float(self.to_low), float(self.to_high))
        return spec.replaced(
            dtype=np.dtype(np.float32),
            background=line(spec.background),
            bounds=bounds if self.clip else None,
            quantity=_QUANTITIES.get(bounds, "other"),
        )

    def completed(self, spec: Spec) -> MapRange:
        """Return the step with the bounds of `spec`."""
        low, high = self._ends(spec)
        return replace(self, from_low=low, from_high=high)

    def transfer(self, spec: Spec) -> Transfer:
        """Return the linear function between the intervals."""
        low, high = self._ends(spec)
        slope = (self.to_high - self.to_low) / (high - low)
        line = Transfer(slope, self.to_low - low * slope)
        return (
            line.then(Transfer(low=float(self.to_low), high=float(self.to_high)))
            if self.clip
            else line
        )

    def _ends(self, spec: Spec) -> tuple[float, float]:
        known = spec.bounds or (None, None)
        low = known[0] if self.from_low is None else self.from_low
        high = known[1] if self.from_high is None else self.from_high
        if low is None or high is None:
            raise QuantityError(
                "MapRange has no bounds; give from_low and from_high, or put a Clip before it"
            )
        if low >= high:
            raise QuantityError(f"MapRange maps from {low} to {high}; expected low < high")
        return low, high
