"""Fused steps are one sampling at the composed point, evaluated here by scipy alone."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates

import hounsfield as hu
from hounsfield.core.grid import Grid
from hounsfield.testing import ORIENTATIONS, applied, grids, pipelines, specs, stacks, volumes
from hounsfield.testing.values import centres
from tests.drawn import assume_overlap

UNSURE = 1e-4
"""Points this near to a face, or to midway between voxels, may round either way in float32."""

HU = volumes(
    spec=specs(grid=grids(smallest=3, largest=7), dtypes=("int16", "float32", "uint16", "int32"))
)


@dataclass
class Direct:
    """The definition: an array that moves changed and a fixed method reads.

    A point must be inside all grids `passed`.
    """

    array: np.ndarray
    grid: Grid
    background: float
    passed: list[Grid]
    method: str | None = None
    unsure: np.ndarray | None = None

    def moved(self, grid: Grid) -> None:
        """A crop, pad, flip or permutation: voxels by their place in the world."""
        if self.method is not None:
            self.passed.append(grid)
            return
        index = np.rint(self.grid.index(centres(grid))).astype(int)
        inside = ((index >= 0) & (index < self.grid.shape)).all(axis=-1)
        safe = np.clip(index, 0, np.array(self.grid.shape) - 1)
        self.array = np.where(inside, self.array[tuple(np.moveaxis(safe, -1, 0))], self.background)
        self.grid, self.passed = grid, []

    def resampled(self, grid: Grid, *, method: str) -> None:
        self.passed.append(grid)
        self.method = method

    def completed(self) -> None:
        """Read the samples of the last grid, so that what follows starts from them."""
        if self.method is None:
            return
        last = self.passed[-1]
        points = at = centres(last)
        inside, unsure = np.ones(last.shape, bool), np.zeros(last.shape, bool)
        for grid in (
            *reversed(self.passed[:-1]),
            self.grid,
        ):  # each sample is outside where the one that it is made of is
            index = grid.index(at)
            low, high = index + 0.5, np.array(grid.shape) - 0.5 - index
            inside &= ((low >= 0) & (high >= 0)).all(axis=-1)
            unsure |= ((np.abs(low) < UNSURE) | (np.abs(high) < UNSURE)).any(axis=-1)
            unsure |= (np.abs(index - np.floor(index) - 0.5) < UNSURE).any(axis=-1) & (
                grid is not self.grid
            )
            at = grid.world(np.clip(np.rint(index), 0, np.array(grid.shape) - 1))
        index = np.clip(self.grid.index(points), 0, np.array(self.grid.shape) - 1)
        if self.method == "nearest":
            unsure |= (np.abs(index - np.floor(index) - 0.5) < UNSURE).any(axis=-1)
            values = self.array[tuple(np.moveaxis(np.rint(index).astype(int), -1, 0))]
        else:
            values = map_coordinates(
                self.array.astype(float), np.moveaxis(index, -1, 0), order=1, mode="nearest"
            )
        assume(self.unsure is None or not self.unsure.any())
        self.array, self.unsure = np.where(inside, values, self.background), unsure
        self.grid, self.passed, self.method = last, [], None

    def mapped(self, step: object) -> None:
        """A step on values, by itself."""

        def of(values: np.ndarray) -> np.ndarray:
            return applied(
                step, hu.Volume.from_array(values.astype(np.float64), affine=np.eye(4))
            ).image.array

        self.array, self.background = (
            of(self.array),
            float(of(np.full((1, 1, 1), self.background)).item()),
        )


def directly(volume: hu.Volume, steps: Sequence[object]) -> tuple[np.ndarray, np.ndarray | None]:
    """What the steps mean, and where float32 could not tell."""
    state = Direct(volume.array, volume.grid, volume.background, [])
    grid = volume.grid
    for number, step in enumerate(steps):
        if isinstance(step, hu.Resample):
            grid = grid.resampled(spacing_mm=step.spacing_mm)
            state.resampled(grid, method=step.method)
        elif isinstance(step, hu.Clip | hu.Window | hu.Standardize):
            if any(isinstance(later, hu.Resample) for later in steps[number:]):
                state.completed()
            if state.method is not None:
                state.completed()
            state.mapped(step)
        else:
            grid = step.target(grid)
            state.moved(grid)
    state.completed()
    return state.array, state.unsure


METHODS = st.sampled_from(("linear", "linear", "nearest"))
GEOMETRY = st.one_of(
    st.builds(hu.Reorient, to=st.sampled_from(ORIENTATIONS)),
    st.builds(
        hu.Box,
        start=st.tuples(*[st.integers(-2, 2)] * 3),
        shape=st.tuples(*[st.integers(2, 9)] * 3),
    ),
    st.builds(hu.CropOrPad, shape=st.tuples(*[st.none() | st.integers(2, 9)] * 3)),
    st.builds(hu.Resample, spacing_mm=st.tuples(*[st.floats(0.7, 4.0)] * 3), method=METHODS),
)
VALUES = st.sampled_from(
    (
        hu.Clip(low_hu=-200, high_hu=900),
        hu.Window(center_hu=100, width_hu=1500),
        hu.Standardize(mean_hu=50, std_hu=9),
    )
)


@st.composite
def steps_in_order(draw: st.DrawFn, *, values: bool) -> tuple[object, ...]:
    steps = draw(st.lists(GEOMETRY, min_size=1, max_size=5))
    if values:
        steps.insert(draw(st.integers(0, len(steps))), draw(VALUES))
    return tuple(steps)


def every_axis_is_made_anew(volume: hu.Volume, steps: Sequence[object]) -> bool:
    """Whether each resampling interpolates along all axes and leaves two samples or more."""
    grid = volume.grid
    for step in steps:
        if isinstance(step, hu.Resample):
            made = grid.resampled(spacing_mm=step.spacing_mm)
            if (
                min(made.shape) < 2
                or min(
                    abs(a / b - 1) for a, b in zip(made.spacing_mm, grid.spacing_mm, strict=True)
                )
                < 0.01
            ):
                return False
            grid = made
        elif hasattr(step, "target"):
            grid = step.target(grid)
    return True


@settings(max_examples=80)
@given(volume=HU, steps=steps_in_order(values=False))
def test_composed_geometry_equals_one_direct_sampling(
    volume: hu.Volume, steps: tuple[object, ...]
) -> None:
    check(volume, steps)


@settings(max_examples=80)
@given(volume=HU, steps=steps_in_order(values=True))
def test_values_before_and_after_a_sampling_equal_the_direct_evaluation(
    volume: hu.Volume, steps: tuple[object, ...]
) -> None:
    check(volume, steps)


def check(volume: hu.Volume, steps: tuple[object, ...]) -> None:
    assume(every_axis_is_made_anew(volume, steps))
    pipeline = hu.Pipeline(steps)
    volume = hu.Volume(volume.array, volume.spec.replaced(background=7))  # which every dtype holds
    assume_overlap(pipeline, volume)
    planned = pipeline.plan(volume).spec
    made = pipeline.run(volume).volume
    assert made.spec == planned
    truth, unsure = directly(volume, steps)
    sure = np.ones(truth.shape, bool) if unsure is None or unsure.shape != truth.shape else ~unsure
    assert np.abs(made.array.astype(float) - truth)[sure].max(initial=0) < 1e-2


def stepwise(case: hu.Case, pipeline: hu.Pipeline) -> hu.Case:
    for step in pipeline.steps:
        case = applied(step, case)
    return case


def limits_in_another_order(volume: hu.Volume, pipeline: hu.Pipeline, plan: hu.Plan) -> bool:
    """Whether a limiter, which works axis by axis, would use another order step by step."""
    limited = any({"conservative", "cubic"} & set(one.kernels) for one in plan.passes)
    letters = [
        grid.orientation.translate(str.maketrans("RLAPSI", "xxyyzz"))
        for grid in (volume.grid, *(spec.grid for spec in plan.specs))
    ]
    return limited and len(set(letters)) > 1


@settings(max_examples=80)
@given(volume=HU, pipeline=pipelines(interpolations=1))
def test_a_run_equals_step_by_step_where_one_step_interpolates(
    volume: hu.Volume, pipeline: hu.Pipeline
) -> None:
    volume = hu.Volume(volume.array, volume.spec.replaced(background=7))
    try:
        plan = pipeline.plan(volume)
    except hu.PipelineError:
        assume(False)
    assume(not limits_in_another_order(volume, pipeline, plan))
    label = hu.Volume.from_array(
        (volume.array > 1000).astype(np.uint8), affine=volume.grid.affine, quantity="label"
    )
    case = hu.Case(volume, {"a": label})
    done, slow = pipeline.run(case), stepwise(case, pipeline)
    assert done.volume.spec == slow.image.spec
    assert done.volume.spec == plan.spec
    assert np.abs(done.volume.array.astype(float) - slow.image.array).max() < 1e-2
    assert done.labels["a"].spec == slow.labels["a"].spec
    assert (
        done.labels["a"].array != slow.labels["a"].array
    ).mean() <= 0.02  # ties of shares, within float32


@settings(max_examples=60)
@given(stack=stacks(), spacing=st.floats(0.8, 3.0))
def test_a_stack_runs_as_its_volume_does_where_the_stack_is_regular(
    stack: hu.Stack, spacing: float
) -> None:
    pipeline = hu.Pipeline(
        (
            hu.Reorient("RAS"),
            hu.Resample(spacing_mm=spacing, method="linear"),
            hu.Clip(low_hu=-900, high_hu=900),
        )
    )
    made = pipeline.run(stack).volume
    assert made.spec == pipeline.plan(stack).spec
    if stack.is_regular:
        slow = pipeline.run(stack.volume()).volume
        assert np.abs(made.array - slow.array).max() < 1e-2


@given(stack=stacks(even=False, upright=True), count=st.integers(2, 12))
def test_an_uneven_stack_is_interpolated_once_at_the_true_positions(
    stack: hu.Stack, count: int
) -> None:
    assume(not stack.is_even)
    natural = stack.grid
    target = natural.resampled(shape=(*natural.shape[:2], count))
    made = hu.Pipeline((hu.Resample(like=target, method="linear"),)).run(stack).volume
    hu_values = stack.slab(0, stack.shape[2]) * stack.slopes + stack.intercepts
    places = natural.index(target.world([(0, 0, k) for k in range(count)]))[:, 2]
    where = stack.nodes[:, 2]
    sure = (places >= 0) & (places <= where[-1])
    truth = np.apply_along_axis(lambda column: np.interp(places, where, column), 2, hu_values)
    assert np.abs(made.array - truth)[..., sure].max(initial=0) < 2e-2


@given(stack=stacks(even=True, upright=False))
def test_a_tilted_stack_is_sheared_in_the_same_sampling(stack: hu.Stack) -> None:
    assume(not stack.is_upright)
    volume = stack.volume()
    hu_values = stack.slab(0, stack.shape[2]) * stack.slopes + stack.intercepts
    assert np.allclose(stack.nodes[:, 2], np.arange(stack.shape[2]), atol=1e-6)
    for k in range(stack.shape[2]):
        index = np.stack(np.meshgrid(*map(np.arange, volume.grid.shape[:2]), indexing="ij")).astype(
            float
        )
        index -= stack.nodes[k, :2, None, None]
        size = np.array(stack.shape[:2])[:, None, None]
        inside = ((index >= -0.5 + UNSURE) & (index <= size - 0.5 - UNSURE)).all(axis=0)
        outside = ((index < -0.5 - UNSURE) | (index > size - 0.5 + UNSURE)).any(axis=0)
        truth = map_coordinates(hu_values[:, :, k], np.clip(index, 0, size - 1), order=1)
        made = volume.array[:, :, k]
        assert np.abs(made - truth)[inside].max(initial=0) < 2e-2
        assert (made[outside] == -1024).all()


def test_recipe_2_is_one_pass() -> None:
    plan = hu.preset("isotropic-mip").plan(
        hu.Volume.from_array(np.zeros((8, 8, 8), np.int16), affine=np.diag([-0.5, -0.5, 2, 1])).spec
    )
    assert len(plan.passes) == 1
    assert plan.passes[0].steps == ("Reorient", "Resample", "Clip", "MapRange", "Slab")


def test_a_value_step_between_two_resamplings_ends_the_pass() -> None:
    spec = hu.Volume.from_array(np.zeros((8, 8, 8), np.int16), affine=np.eye(4)).spec
    steps = (hu.Resample(spacing_mm=1.5), hu.Clip(low_hu=0, high_hu=9), hu.Resample(spacing_mm=0.7))
    assert [one.numbers for one in hu.Pipeline(steps).plan(spec).passes] == [(1, 2), (3,)]


def test_a_filter_is_a_pass_of_its_own() -> None:
    spec = hu.Volume.from_array(np.zeros((8, 8, 8), np.int16), affine=np.eye(4)).spec
    steps = (
        hu.Resample(spacing_mm=1.5),
        hu.Denoise(method="median", radius_mm=2),
        hu.Clip(low_hu=0, high_hu=9),
    )
    assert [one.numbers for one in hu.Pipeline(steps).plan(spec).passes] == [(1,), (2,), (3,)]


@pytest.mark.parametrize("statistic", ["max", "min", "mean"])
def test_a_negative_slope_or_a_mean_does_not_slip_through_a_slab(statistic: str) -> None:
    """Clip after a mean is not the mean of what was clipped."""
    ct = hu.Volume.from_array(
        np.array([0, 3000, 0, -900, 50], np.int16).reshape(1, 1, 5), affine=np.eye(4)
    )
    steps = (hu.Slab(statistic=statistic, slices=3), hu.Clip(low_hu=0, high_hu=100))
    made = hu.Pipeline(steps).run(ct).volume
    slow = stepwise(hu.Case(ct), hu.Pipeline(steps)).image
    assert made.spec == slow.spec
    assert np.allclose(made.array, slow.array, atol=1e-3)
