"""Abstract tests of a sampler: a subclass returns the sampler, and pytest runs the tests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hounsfield.kernels.sample import OUTPUT_DTYPES, SOURCE_DTYPES, AxisTable
from hounsfield.kernels.sampler import Sampler
from hounsfield.testing.sampling import NumpySampler, SamplerCall, sampler_calls

WHOLE_NUMBERS = tuple(dtype for dtype in OUTPUT_DTYPES if dtype.kind in "iu")

_inherited = settings(
    suppress_health_check=[HealthCheck.differing_executors, HealthCheck.too_slow],
    max_examples=100,
    deadline=None,
)


class SamplerTests:
    """Laws of one sampler, against plain numpy; override `sampler`.

    tolerance: by how much float32 results may differ from those of numpy in float64.

    Examples
    --------
    >>> class TestNumpy(SamplerTests):
    ...     def sampler(self):
    ...         return NumpySampler()
    """

    tolerance: float = 2e-3

    def sampler(self) -> Sampler:
        """Return the sampler under test.

        Returns
        -------
        Sampler
            The sampler.
        """
        raise NotImplementedError(
            "sampler() is not defined; a subclass of SamplerTests must return its sampler"
        )

    @_inherited
    @given(call=sampler_calls())
    def test_the_samples_are_what_numpy_says(self, call: SamplerCall) -> None:
        """Every voxel is that of the plain numpy sampler, and the source is left unchanged."""
        before = call.source.copy()
        made, truth = call.result(self.sampler()), call.result(NumpySampler(), np.float64)
        assert np.allclose(made, truth, atol=self.tolerance, rtol=1e-5)
        assert np.array_equal(call.source, before)

    @_inherited
    @given(call=sampler_calls(), dtype=st.sampled_from(WHOLE_NUMBERS))
    def test_whole_numbers_are_rounded_and_kept_within_their_range(
        self, call: SamplerCall, dtype: np.dtype[Any]
    ) -> None:
        """Integers are within half a unit of the truth, clipped to the range of the dtype."""
        limits = np.iinfo(dtype)
        truth = np.clip(call.result(NumpySampler(), np.float64), limits.min, limits.max)
        made = call.result(self.sampler(), dtype).astype(float)
        assert np.abs(made - truth).max() <= 0.5 + self.tolerance

    def test_halves_are_rounded_to_even(self) -> None:
        """-1.5 becomes -2, 0.5 becomes 0, 2.5 becomes 2."""
        values = np.array([-1.5, -0.5, 0.5, 1.5, 2.5, 3.5], np.float32).reshape(6, 1, 1)
        made = copy_call(values).result(self.sampler(), np.int16)
        assert made.ravel().tolist() == [-2, 0, 0, 2, 2, 4]

    @_inherited
    @given(call=sampler_calls(), threads=st.integers(2, 5))
    def test_the_bits_do_not_depend_on_the_threads(self, call: SamplerCall, threads: int) -> None:
        """One thread and several give the same bytes."""
        for dtype in (np.float32, np.int16):
            one = call.result(self.sampler(), dtype, threads=1)
            assert one.tobytes() == call.result(self.sampler(), dtype, threads=threads).tobytes()

    @_inherited
    @given(call=sampler_calls(dtypes=(np.dtype("int16"),)))
    def test_strides_and_offsets_of_the_source_do_not_matter(self, call: SamplerCall) -> None:
        """A view into a larger array, or one in C order, gives the same bytes."""
        larger = np.full([size + 2 for size in call.source.shape], 999, np.int16, order="F")
        larger[1:-1, 1:-1, 1:-1] = call.source
        truth = call.result(self.sampler()).tobytes()
        for view in (larger[1:-1, 1:-1, 1:-1], np.ascontiguousarray(call.source)):
            assert replace(call, source=view).result(self.sampler()).tobytes() == truth

    @pytest.mark.parametrize("dtype", SOURCE_DTYPES, ids=str)
    def test_a_copy_is_exact_for_every_source_dtype(self, dtype: np.dtype[Any]) -> None:
        """Whole numbers up to 2**24 come through a copy unchanged."""
        low, high = -(2**24), 2**24
        if dtype.kind in "iu":
            low, high = max(np.iinfo(dtype).min, low), min(np.iinfo(dtype).max, high)
        values = np.linspace(low, high, 7 * 3 * 2).astype(dtype).reshape(7, 3, 2)
        made = copy_call(values).result(self.sampler())
        assert np.array_equal(made, values.astype(np.float32))


def copy_call(values: Any) -> SamplerCall:
    """The call that copies `values` (i, j, k)."""
    ones = np.ones(values.shape[2])
    tables = [[whole(size)] for size in values.shape]
    return SamplerCall(source=values, tables=tables, slopes=ones, intercepts=0 * ones)


def whole(size: int) -> AxisTable:
    """The table that copies an axis."""
    first, weight = np.arange(size, dtype=np.int32), np.ones((size, 1), np.float32)
    return AxisTable(first, weight, np.zeros(size, np.float32))
