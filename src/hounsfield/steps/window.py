"""Map a CT window, a range of HU around a center, to 0..1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from hounsfield.core.arguments import checked
from hounsfield.core.errors import QuantityError
from hounsfield.core.spec import Spec
from hounsfield.core.volume import Array
from hounsfield.core.windows import WINDOWS
from hounsfield.resampling.transfer import Transfer
from hounsfield.steps.parse import finite, one_of
from hounsfield.steps.pointwise import PointwiseStep, require

Function = Literal["linear-exact", "linear", "sigmoid"]


@checked
@dataclass(frozen=True, slots=True, kw_only=True)
class Window(PointwiseStep):
    """Map a CT window to 0..1.

    Give either `name`, or `center_hu` and `width_hu`. The output is float32 with the quantity
    'unit'.

    Parameters
    ----------
    name : str, optional
        Name of a window in `WINDOWS`, such as 'brain'.
    center_hu : float, optional
        Center of the window, HU.
    width_hu : float, optional
        Width of the window, HU: more than 0, for 'linear' at least 1.
    function : {'linear-exact', 'linear', 'sigmoid'}, default 'linear-exact'
        How HU are mapped.

    Raises
    ------
    QuantityError
        If the window is unknown, incomplete or empty.

    Notes
    -----
    With center c and width w, as in DICOM PS3.3 (VOI LUT Function):

    - 'linear-exact' (C.11.2.1.3.2) is ``(x - c) / w + 0.5``, clipped to 0..1;
    - 'linear' (C.11.2.1.2.1) is ``(x - (c - 0.5)) / (w - 1) + 0.5``, clipped to 0..1; a width of 1
      is a threshold;
    - 'sigmoid' (C.11.2.1.3.1) is ``1 / (1 + exp(-4 (x - c) / w))``.

    Examples
    --------
    >>> Window(name="brain").values(np.array([0, 40, 80], np.int16), None).tolist()
    [0.0, 0.5, 1.0]
    """

    name: str | None = None
    center_hu: float | None = None
    width_hu: float | None = None
    function: Function = "linear-exact"

    def __post_init__(self) -> None:
        one_of(self.function, Function, name="function")
        if (self.name is None) == (self.center_hu is None and self.width_hu is None):
            raise QuantityError("Window needs either a name, or center_hu and width_hu")
        if self.name is not None and self.name not in WINDOWS:
            raise QuantityError(
                f"unknown window '{self.name}'; expected one of {', '.join(WINDOWS)}"
            )
        if self.name is None and (self.center_hu is None or self.width_hu is None):
            raise QuantityError("Window needs both center_hu and width_hu")
        center, width = self.center_and_width_hu
        finite(center, name="center_hu")
        if finite(width, name="width_hu") <= 0 or (self.function == "linear" and width < 1):
            least = "at least 1" if self.function == "linear" else "more than 0"
            raise QuantityError(
                f"width_hu is {width}; expected {least} for function '{self.function}'"
            )

    @property
    def center_and_width_hu(self) -> tuple[float, float]:
        """Center and width in HU, by name or as given."""
        if self.name is not None:
            return WINDOWS[self.name]
        assert self.center_hu is not None
        assert self.width_hu is not None
        return self.center_hu, self.width_hu

    def plan(self, spec: Spec) -> Spec:
        """Return the Spec of values from 0 to 1."""
        require(spec, "hu", step="Window", why="a window is applied to HU, and only once")
        outside = float(self.values(np.array([spec.background]), spec)[0])
        return spec.replaced(
            dtype=np.dtype(np.float32), background=outside, bounds=(0.0, 1.0), quantity="unit"
        )

    def transfer(self, spec: Spec) -> Transfer | None:
        """Return the window as a clamped linear function; None for a sigmoid or a threshold."""
        center, width = self.center_and_width_hu
        if self.function == "linear":
            center, width = center - 0.5, width - 1
        if self.function == "sigmoid" or width == 0:
            return None
        return Transfer(1 / width, 0.5 - center / width, 0.0, 1.0)

    def values(self, array: Array, spec: Spec) -> Array:
        """Apply the window to an array of any shape and dtype; returns float32."""
        center, width = self.center_and_width_hu
        hu = array.astype(np.float32, order="F")
        if self.function == "sigmoid":
            hu -= np.float32(center)
            hu *= np.float32(-4)
            hu /= np.float32(width)
            with np.errstate(over="ignore"):  # exp overflows to infinity if the sigmoid is 0
                np.exp(hu, out=hu)
            hu += np.float32(1)
            return np.asarray(np.divide(np.float32(1), hu, out=hu))
        line = self.transfer(spec)
        if line is None:
            return np.asarray(hu > center - 0.5, dtype=np.float32, order="F")
        hu -= np.float32(center - (0.5 if self.function == "linear" else 0.0))
        hu *= np.float32(line.slope)
        hu += np.float32(0.5)
        return np.asarray(np.clip(hu, 0, 1, out=hu))
