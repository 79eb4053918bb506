"""What computes a pass: the protocol of a sampler, and the one that is compiled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

import hounsfield.kernels.sample as compiled
from hounsfield.kernels.sample import AxisTable, SlabWindows


class Sampler(Protocol):
    """Something that computes one pass over the voxels, such as the compiled kernel or one on an accelerator.

    `hounsfield.testing.SamplerTests` compares a sampler with a plain numpy one.
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
        """Fill `out` from `source`: rescale, `before`, padding, the tables along j, i and k, `after`, projection.

        Parameters
        ----------
        source
            Stored values (i, j, k) of a dtype in SOURCE_DTYPES, of any strides; left unchanged.
        slopes, intercepts
            The rescale of each source slice (k,), float64.
        before, after
            Clamped lines (slope, intercept, low, high): on the rescaled values, and on the samples made.
        padding
            Stored values from the first to the second, both included, become the third, which is a value after
            `before`; None where there are none.
        tables
            For i, j and k one AxisTable each, or for i and j one per source slice.
        background
            The value outside of the source, after `before`.
        windows
            The planes that each output plane is projected from; None for no projection.
        out
            The result (i, j, k), Fortran-ordered, of a dtype in OUTPUT_DTYPES; integers are rounded half to even
            and clipped to the range of their type. Every voxel is written.
        threads
            The most threads to use; the result does not depend on it.

        Raises
        ------
        ValueError
            Where the shapes do not agree.

        Notes
        -----
        Sums are float32 or wider; results agree with the compiled kernel within 2e-3.
        """


DEFAULT_SAMPLER: Sampler = compiled
"""The compiled kernel."""
