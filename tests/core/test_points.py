"""A landmark stays where it is in the world, and within half a voxel of the voxel that shows it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, reject
from hypothesis import strategies as st

import hounsfield as hu
from hounsfield.core.points import Point, on_grid
from hounsfield.core.stack import Stack
from hounsfield.testing.strategies import ORIENTATIONS, grids

AIR, BRIGHT = -1000, 3000
SHAPE = (7, 9, 8)
HALF = 0.5 + 1e-3
"""Half a voxel, and the rounding of weights in float32 where two voxels are equally far."""


def spot(orientation: str, at: tuple[int, int, int]) -> tuple[hu.Volume, Point]:
    """A scan of air with one bright voxel, and the point at its centre."""
    affine = np.diag([1.5, 1.25, 3.0, 1.0])
    affine[:3, 3] = (-30, 12, 500)
    grid = hu.Grid(SHAPE, affine).reoriented(orientation)
    array = np.full(grid.shape, AIR, np.int16)
    index = tuple(n % size for n, size in zip(at, grid.shape, strict=True))
    array[index] = BRIGHT
    world = tuple(float(value) for value in grid.world(index))
    return hu.Volume.from_array(array, affine=grid.affine), Point(label="p", position_ras_mm=world)


def is_inner(point: Point, grid: hu.Grid) -> bool:
    """Whether a voxel is not at a face: up to the outer faces its value is taken as it is."""
    index = np.array(on_grid(point, grid).index)
    return bool((index > 0.9).all() and (index < np.array(grid.shape) - 1.9).all())


def brightest(volume: hu.Volume) -> np.ndarray:
    """The index of the brightest voxel."""
    return np.array(np.unravel_index(int(volume.array.argmax()), volume.array.shape))


SIZES = st.tuples(*[st.integers(2, 14)] * 3)
LENGTHS = st.tuples(*[st.floats(0.7, 5.0)] * 3)
STEPS = st.one_of(
    st.builds(hu.Reorient, to=st.sampled_from(ORIENTATIONS)),
    st.builds(hu.Resample, spacing_mm=LENGTHS),
    st.builds(hu.Resample, spacing_mm=LENGTHS, fit=st.just("exact_fov")),
    st.builds(hu.Resample, shape=SIZES),
    st.builds(hu.CropOrPad, shape=SIZES),
    st.builds(
        hu.CropToBox,
        start_mm=st.just((-28.0, 13.0, 503.0)),
        stop_mm=st.tuples(st.floats(-25, -10), st.floats(16, 30), st.floats(509, 540)),
    ),
)
PLACES = st.tuples(*[st.integers(0, 9)] * 3)
PLANES = st.sampled_from(("axial", "coronal", "sagittal"))


@given(
    st.sampled_from(ORIENTATIONS),
    PLACES,
    st.lists(STEPS, max_size=3),
    st.none() | st.builds(hu.SplitSlices, plane=PLANES),
)
def test_a_landmark_stays_within_half_a_voxel_through_every_step(
    orientation: str, at: tuple[int, int, int], steps: list[object], last: object
) -> None:
    scan, point = spot(orientation, at)
    pipeline = hu.Pipeline([*steps, *([] if last is None else [last])])
    try:
        plan = pipeline.plan(scan)
    except hu.PipelineError:  # the box is between two samples of a coarse grid
        reject()
    for spec, step in zip((scan.spec, *plan.specs), pipeline.steps, strict=False):
        assume(not isinstance(step, hu.Resample) or is_inner(point, spec.grid))
    out = pipeline.run(scan).volume
    assume(out.array.max() > AIR + 1)  # else a crop has lost it
    found = on_grid(point, out.grid)
    assert found.inside == "yes"
    assert np.abs(brightest(out) - found.index).max() <= HALF


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_a_landmark_stays_in_each_of_the_48_orientations(orientation: str) -> None:
    scan, point = spot(orientation, (3, 4, 2))
    to = ORIENTATIONS[(7 * ORIENTATIONS.index(orientation) + 5) % len(ORIENTATIONS)]
    steps = [
        hu.CropToBox(start_mm=(-29, 12, 500), stop_mm=(-20, 22, 520)),
        hu.Resample(spacing_mm=(2.0, 0.9, 1.3)),
        hu.Reorient(to=to),
        hu.CropOrPad(shape=(15, 13, 14)),
        hu.SplitSlices(plane="coronal"),
    ]
    for count in range(len(steps) + 1):
        out = hu.Pipeline(steps[:count]).run(scan).volume
        found = on_grid(point, out.grid)
        assert found.inside == "yes"
        assert np.abs(brightest(out) - found.index).max() <= HALF


@given(st.sampled_from(ORIENTATIONS), PLACES, STEPS)
def test_inside_is_whether_the_output_shows_it(
    orientation: str, at: tuple[int, int, int], step: hu.CropToBox
) -> None:
    scan, point = spot(orientation, at)
    out = hu.Pipeline([step]).run(scan).volume
    assert (out.array.max() > AIR + 1) == (on_grid(point, out.grid).inside == "yes")


@given(st.sampled_from(ORIENTATIONS), PLACES, PLANES, st.integers(1, 5), st.integers(1, 2))
def test_a_landmark_is_in_the_slab_whose_centre_is_nearest(
    orientation: str, at: tuple[int, int, int], plane: str, slices: int, stride: int
) -> None:
    scan, point = spot(orientation, at)
    step = hu.Slab(statistic="max", plane=plane, slices=slices, stride=stride)
    out = hu.Pipeline([step]).run(scan).volume
    assume(out.array.max() == BRIGHT)  # a slab between strides may have no slice with it
    index, axis = np.array(on_grid(point, out.grid).index), step.axis(scan.grid)
    showing = np.argwhere(out.array == BRIGHT)
    across = np.delete(showing, axis, axis=1)
    assert np.abs(across - np.delete(index, axis)).max() <= HALF
    assert np.abs(showing[:, axis] - index[axis]).max() * stride <= slices / 2 + 1e-6


@given(
    st.integers(1, 6), PLACES, st.floats(-0.5, 0.5), st.booleans(), st.sampled_from(ORIENTATIONS)
)
def test_the_world_of_a_corrected_stack_is_that_of_its_slices(
    k: int, at: tuple[int, int, int], lean: float, uneven: bool, to: str
) -> None:
    i, j = 1 + at[0] % 5, 2 + at[1] % 5
    steps = np.cumsum([2.0, 3, 2, 4, 2, 3, 2, 2]) if uneven else np.arange(8) * 2.5
    origins = np.stack([np.zeros(8), lean * steps, steps], axis=1)
    values = np.full((*SHAPE[:2], 8), AIR, np.int16, order="F")
    values[i, j, k] = BRIGHT
    stack = Stack(
        shape=(*SHAPE[:2], 8),
        origins_ras_mm=origins,
        step_i_ras_mm=np.array([-1.0, 0, 0]),
        step_j_ras_mm=np.array([0, -1.2, 0]),
        stored_dtype=values.dtype,
        slopes=np.ones(8),
        decode=lambda start, stop: values[:, :, start:stop],
        intercepts=np.zeros(8),
    )
    world = origins[k] + i * stack.step_i_ras_mm + j * stack.step_j_ras_mm
    point = Point(label="p", position_ras_mm=tuple(world.tolist()))
    for steps_of in ([], [hu.Reorient(to=to)], [hu.Resample(spacing_mm=1.0)]):
        out = hu.Pipeline(steps_of).run(stack).volume
        found = on_grid(point, out.grid)
        assert np.abs(brightest(out) - found.index).max() <= HALF


@given(
    grids(oblique=True), st.tuples(*[st.floats(-40, 40)] * 3), st.tuples(*[st.floats(0.5, 30)] * 3)
)
def test_a_box_in_voxels_is_the_smallest_that_contains_its_corners(
    grid: hu.Grid, position: tuple[float, float, float], size: tuple[float, float, float]
) -> None:
    found = on_grid(Point(label="b", position_ras_mm=position, size_mm=size), grid)
    signs = np.array(np.meshgrid(*[(-0.5, 0.5)] * 3)).reshape(3, -1).T
    corners = np.linalg.solve(
        grid.affine, np.c_[np.array(position) + signs * np.array(size), np.ones(8)].T
    )[:3].T
    assert np.allclose((corners.min(axis=0) + corners.max(axis=0)) / 2, found.index, atol=1e-6)
    assert np.allclose(np.ptp(corners, axis=0), found.size_voxels, atol=1e-6)
    low, high = corners.min(axis=0), corners.max(axis=0)
    stop = np.array(grid.shape) - 0.5
    if (low > -0.5).all() and (high < stop).all():
        assert found.inside == "yes"
    elif (high < -0.5).any() or (low > stop).any():
        assert found.inside == "no"


@pytest.mark.parametrize(("i", "inside"), [(-0.5, "yes"), (6.5, "yes"), (-0.51, "no"), (7, "no")])
def test_a_point_is_inside_up_to_the_outer_faces(i: float, inside: str) -> None:
    grid = hu.Grid(SHAPE, np.eye(4))
    assert on_grid(Point(label="p", position_ras_mm=(i, 0, 0)), grid).inside == inside


@pytest.mark.parametrize(("size", "inside"), [(2, "yes"), (9, "part"), (2.2, "part")])
def test_a_box_that_a_face_cuts_is_there_in_part(size: float, inside: str) -> None:
    grid = hu.Grid(SHAPE, np.eye(4))
    box = Point(label="b", position_ras_mm=(0.5, 3, 3), size_mm=(size, 1, 1))
    assert on_grid(box, grid).inside == inside
