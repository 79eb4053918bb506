"""The kernel against its numpy twin, which hounsfield.testing holds, and what it refuses."""

import numpy as np
import pytest
from hypothesis import given, settings

from hounsfield.kernels.sample import AxisTable, SlabWindows, sample
from hounsfield.kernels.sampler import DEFAULT_SAMPLER, Sampler
from hounsfield.testing import NumpySampler, SamplerCall, SamplerTests, sampler_calls
from hounsfield.testing.samplers import whole


class TestCompiled(SamplerTests):
    def sampler(self) -> Sampler:
        return DEFAULT_SAMPLER


class TestNumpy(SamplerTests):
    def sampler(self) -> Sampler:
        return NumpySampler()


@settings(max_examples=250)
@given(call=sampler_calls())
def test_the_kernel_is_what_numpy_says(call: SamplerCall) -> None:
    truth = call.result(NumpySampler(), np.float64)
    assert np.allclose(call.result(DEFAULT_SAMPLER), truth, atol=2e-3, rtol=1e-5)


class Wrong(NumpySampler):
    """A sampler with one thing wrong."""

    def __init__(self, fault: str) -> None:
        self.fault = fault

    def sample(self, source: np.ndarray, **call: object) -> None:  # type: ignore[override]
        if self.fault == "padding":
            call["padding"] = None
        if self.fault == "source":
            source += 1
        if self.fault == "threads" and call["threads"] != 1:
            call["background"] += 0.01  # type: ignore[operator]
        super().sample(source, **call)  # type: ignore[arg-type]
        if self.fault == "floor":
            call["out"][...] = np.floor(call["out"])  # type: ignore[index]


@pytest.mark.parametrize(
    ("fault", "test"),
    [
        ("padding", "the_samples_are_what_numpy_says"),
        ("source", "the_samples_are_what_numpy_says"),
        ("floor", "the_samples_are_what_numpy_says"),
        ("threads", "the_bits_do_not_depend_on_the_threads"),
    ],
)
def test_the_tests_find_a_wrong_sampler(fault: str, test: str) -> None:
    class Tests(SamplerTests):
        def sampler(self) -> Sampler:
            return Wrong(fault)

    with pytest.raises((AssertionError, ExceptionGroup)):
        getattr(Tests(), f"test_{test}")()


def test_what_reads_beyond_its_axis_is_refused() -> None:
    source, out = np.zeros((4, 1, 1), np.int16), np.zeros((4, 1, 1), np.float32, order="F")
    beyond = AxisTable(
        np.arange(1, 5, dtype=np.int32), np.ones((4, 1), np.float32), np.zeros(4, np.float32)
    )
    with pytest.raises(ValueError, match="beyond its axis"):
        sample(
            source,
            out=out,
            tables=[[beyond], [whole(1)], [whole(1)]],
            slopes=np.ones(1),
            intercepts=np.zeros(1),
        )
    before_it = AxisTable(
        np.full(4, -1, np.int32), np.ones((4, 1), np.float32), np.zeros(4, np.float32)
    )
    with pytest.raises(ValueError, match="beyond its axis"):
        sample(
            source,
            out=out,
            tables=[[before_it], [whole(1)], [whole(1)]],
            slopes=np.ones(1),
            intercepts=np.zeros(1),
        )
    with pytest.raises(ValueError, match="output's shape"):
        sample(
            source,
            out=out[:3].copy(order="F"),
            tables=[[whole(4)], [whole(1)], [whole(1)]],
            slopes=np.ones(1),
            intercepts=np.zeros(1),
        )
    with pytest.raises(ValueError, match="per slice"):
        sample(
            source,
            out=out,
            tables=[[whole(4)], [whole(1)], [whole(1)]],
            slopes=np.ones(2),
            intercepts=np.zeros(1),
        )


def test_a_slab_outside_the_planes_is_refused() -> None:
    source, out = np.zeros((1, 1, 4), np.int16), np.zeros((1, 1, 1), np.float32, order="F")
    for start, stop in ((0, 5), (2, 2), (-1, 2)):
        with pytest.raises(ValueError, match="slabs must be inside"):
            sample(
                source,
                out=out,
                tables=[[whole(1)], [whole(1)], [whole(4)]],
                slopes=np.ones(4),
                intercepts=np.zeros(4),
                windows=SlabWindows("max", np.array([start], np.int32), np.array([stop], np.int32)),
            )
