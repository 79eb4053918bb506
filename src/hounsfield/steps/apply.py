"""Apply a Python function to the voxels of an image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.arguments import checked
from hounsfield.core.cast import cast_array
from hounsfield.core.dtype import voxel_dtype
from hounsfield.core.errors import HounsfieldError, QuantityError
from hounsfield.core.spec import QUANTITIES, Quantity, Spec
from hounsfield.core.volume import Case, Volume
from hounsfield.steps.base import image_only
from hounsfield.steps.parse import finite

IN_PYTHON_ONLY = "it has a Python function, which no file can contain"
"""Why a pipeline with this step is not written to a file or a run's folder."""


@checked
@dataclass(frozen=True, slots=True)
class Apply:
    """Apply a Python function to the voxels of the image.

    It is for Python alone: a pipeline with it cannot be written to a file. A step of your own
    package can; see the how-to on plug-ins.

    Parameters
    ----------
    function : callable
        Maps an array (i, j, k) or (i, j, k, channel) to an array of the same shape. It gets a copy.
    dtype : str or numpy.dtype, optional
        Type of the result; None is that of the input, and fractions are then refused if it is an
        integer. Values that do not fit are refused.
    quantity : str, optional
        What the result is; None is that of the input.
    background : float, optional
        The value outside of the volume after the step; None is that of the input.

    Raises
    ------
    QuantityError
        If the quantity or dtype is unknown; when applied, if the function raises an error or
        returns something else than finite numbers of the same shape.

    Examples
    --------
    >>> import hounsfield as hu
    >>> ct = Volume.from_array(np.full((4, 4, 2), 100, np.int16), affine=np.eye(4))
    >>> hu.Pipeline([Apply(lambda hu: hu / 2)]).run(ct).volume.array.max()
    np.int16(50)
    """

    function: Callable[[NDArray[Any]], Any] = field(metadata={"record": False})
    dtype: str | np.dtype[Any] | type | None = None
    quantity: Quantity | None = None
    background: float | None = None
    python_only: ClassVar[str] = IN_PYTHON_ONLY

    def __post_init__(self) -> None:
        if self.dtype is not None:
            object.__setattr__(self, "dtype", voxel_dtype(self.dtype).name)
        if self.quantity is not None and self.quantity not in QUANTITIES:
            raise QuantityError(
                f"quantity is '{self.quantity}'; expected one of {', '.join(QUANTITIES)}"
            )
        if self.background is not None:
            finite(self.background, name="background")

    def plan(self, spec: Spec) -> Spec:
        """Return the Spec with the dtype, quantity and background of the step."""
        background = spec.background if self.background is None else self.background
        return spec.replaced(
            dtype=spec.dtype if self.dtype is None else voxel_dtype(self.dtype),
            quantity=self.quantity or spec.quantity,
            background=background,
            backgrounds=spec.backgrounds if self.background is None else (),
            bounds=None,
        )

    def apply(self, case: Case) -> Case:
        """Apply the function to the image; labels and masks are unchanged."""
        spec = self.plan(case.image.spec)
        try:
            made = np.asarray(self.function(case.image.array.copy(order="F")))
        except HounsfieldError:
            raise
        except Exception as error:
            raise QuantityError(
                f"Apply: the function raised {type(error).__name__}; "
                "expected an array of the same shape"
            ) from error
        if made.shape != spec.shape or made.dtype.kind not in "biuf":
            raise QuantityError(
                f"Apply: the function returned {made.dtype} {made.shape}; "
                f"expected numbers of shape {spec.shape}"
            )
        if not np.isfinite(made).all():
            raise QuantityError("Apply: the function returned NaN or infinite values; replace them")
        if self.dtype is None and _has_fractions(made, spec.dtype):
            raise QuantityError(
                f"Apply: the function returned fractions, but the image is {spec.dtype}; use "
                f"dtype='float32' to keep them, or dtype='{spec.dtype}' to round"
            )
        return image_only(case, Volume(cast_array(made, spec.dtype), spec))


def _has_fractions(values: NDArray[Any], dtype: np.dtype[Any]) -> bool:
    """Whether values are not whole numbers, and a dtype holds only these."""
    return (
        dtype.kind in "biu"
        and values.dtype.kind == "f"
        and not all(np.array_equal(np.rint(part), part) for part in values)
    )
