"""The protocol of a sampler, and the default one, the compiled kernel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

import hounsfield.kernels.sample as compiled
from hounsfield.kernels.sample import AxisTable, SlabWindows


@runtime_checkable
class Sampler(Protocol):
    """A sampling backend, such as the compiled kernel or one on an accelerator.

    `hounsfield.testing.SamplerTests` compares a sampler with a numpy reference.
    """

    def sample(
        self,
        source: NDArray[Any],
        *,
        slopes: NDArray[np.float64],
        intercepts: NDArray[np.float64],
        before: tuple[float, float, float, float],
        padding: tuple[float, float, float] | None,
        tables: Sequence[Sequence[AxisTable]],
        background: float,
        after: tuple[float, float, float, float],
        windows: SlabWindows | None,
        out: NDArray[Any],
        threads: int,
    ) -> None:
        """Fill `out` from `source`: rescale, interpolate, map and project.

        The order is: rescale, `before`, padding, the tables along j, i and k, `after`, projection.

        Parameters
        ----------
        source
            Stored values (i, j, k) of a dtype in SOURCE_DTYPES, of any strides; left unchanged.
        slopes, intercepts
            The rescale of each source slice (k,), float64.
        before, after
            Clamped linear functions (slope, intercept, low, high) of the rescaled values and of the
            interpolated samples.
        padding
            Stored values from the first to the second (inclusive) become the third, a value after
            `before`; None if there are none.
        tables
            For i, j and k one AxisTable each, or for i and j one per source slice.
        background
            The value outside the source, after `before`.
        windows
            The planes that each output plane is projected from; None for no projection.
        out
            The result (i, j, k), Fortran-ordered, of a dtype in OUTPUT_DTYPES; integers are rounded
            half to even and clipped to the range of their dtype. Every voxel is written.
        threads
            Maximum number of threads; the result does not depend on it.

        Raises
        ------
        ValueError
            If the shapes do not match.

        Notes
        -----
        Sums are float32 or wider; results agree with the compiled kernel within 2e-3.
        """


DEFAULT_SAMPLER: Sampler = compiled
"""The compiled kernel."""
