"""Map an interval of values linearly to another one (min-max normalisation)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hounsfield.core.arguments import checked
from hounsfield.core.errors import QuantityError
from hounsfield.core.spec import Quantity, Spec
from hounsfield.resampling.transfer import Transfer
from hounsfield.steps.parse import finite
from hounsfield.steps.pointwise import PointwiseStep, require

_QUANTITIES: dict[tuple[float, float], Quantity] = {(0.0, 1.0): "unit", (0.0, 255.0): "display"}


@checked
@dataclass(frozen=True, slots=True, kw_only=True)
class MapRange(PointwiseStep):
    """Map an interval of values linearly to another.

    The output is float32; its quantity is 'unit' for 0..1, 'display' for 0..255, else 'other'.

    Parameters
    ----------
    from_low : float, optional
        Lower end of the interval; None takes the lower bound of the last Clip.
    from_high : float, optional
        Upper end of the interval; None takes the upper bound of the last Clip.
    to_low : float, default 0
        What `from_low` becomes.
    to_high : float, default 1
        What `from_high` becomes.
    clip : bool, default True
        Clip values beyond the interval to its ends.

    Raises
    ------
    QuantityError
        If an interval is empty; on planning, if there is neither an end nor a Clip before.

    Notes
    -----
    ``y = to_low + (x - from_low) * (to_high - to_low) / (from_high - from_low)``.

    Examples
    --------
    >>> MapRange(from_low=-500, from_high=1500, to_high=255).to_high
    255
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
        """Return the Spec with the new interval."""
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
        """Return the step with the bounds that it takes from a Spec.

        Parameters
        ----------
        spec : Spec
            The Spec of the input.

        Returns
        -------
        MapRange
            The step with both ends of the interval.
        """
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
