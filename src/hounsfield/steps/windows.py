"""Map several windows of one image to channels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hounsfield.core.arguments import checked
from hounsfield.core.errors import QuantityError
from hounsfield.core.spec import Spec
from hounsfield.core.volume import Array
from hounsfield.steps.pointwise import PointwiseStep, require
from hounsfield.steps.window import Window


@checked
@dataclass(frozen=True, slots=True, kw_only=True)
class Windows(PointwiseStep):
    """Map several windows to 0..1, one channel each.

    The output has the shape (i, j, k, channel), float32, with the quantity 'unit'.

    Parameters
    ----------
    names : sequence of str
        Names of windows in `WINDOWS`, all different.

    Raises
    ------
    QuantityError
        If a window is unknown, or a name occurs twice.

    Examples
    --------
    >>> Windows(names=("brain", "subdural", "head-soft")).names
    ('brain', 'subdural', 'head-soft')
    """

    names: tuple[str, ...] | Sequence[str]

    def __post_init__(self) -> None:
        names = (self.names,) if isinstance(self.names, str) else tuple(self.names)
        if not names or len(set(names)) != len(names):
            raise QuantityError(f"Windows needs one or more different names, not {list(names)}")
        for name in names:
            Window(name=name)
        object.__setattr__(self, "names", names)

    def plan(self, spec: Spec) -> Spec:
        """Return the Spec of values from 0 to 1 in a channel for each window."""
        require(spec, "hu", step="Windows", why="a window is applied to HU, and only once")
        if spec.channels:
            raise QuantityError(
                f"Windows makes channels, but the image has {len(spec.channels)} already; "
                "select one of them first"
            )
        outside = tuple(Window(name=name).plan(spec).background for name in self.names)
        return spec.replaced(
            dtype=np.dtype(np.float32),
            background=min(outside),
            bounds=(0.0, 1.0),
            quantity="unit",
            channels=tuple(self.names),
            backgrounds=outside if len(set(outside)) > 1 else (),
        )

    def values(self, array: Array, spec: Spec) -> Array:
        """Map an array (i, j, k) to (i, j, k, channel)."""
        out = np.empty((*array.shape, len(self.names)), dtype=np.float32, order="F")
        for n, name in enumerate(self.names):
            out[..., n] = Window(name=name).values(array, spec)
        return out
