"""Promises of weight tables: linear fields stay linear, sums are kept, values within neighbours."""

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from scipy.interpolate import CubicHermiteSpline

from hounsfield.core.grid import Grid
from hounsfield.kernels.sample import AxisTable
from hounsfield.resampling.axes import AxisMap

SMOOTH = ("linear", "cubic", "conservative")
SIZES = st.integers(2, 14)
UNEVEN = st.lists(st.floats(0.3, 3.0), min_size=1, max_size=12).map(
    lambda gaps: np.concatenate([[0.0], np.cumsum(gaps)])
)
VALUES = st.integers(0, 2**32 - 1).map(np.random.default_rng)


def dense(table: AxisTable, *, size: int) -> np.ndarray:
    """The table as a matrix (output, source) of float64."""
    matrix = np.zeros((len(table.first), size + table.taps))
    for n, first in enumerate(table.first):
        matrix[n, first : first + table.taps] += table.weight[n]
    assert not matrix[:, size:].any(), "a table reads beyond its axis"
    return matrix[:, :size]


def evaluated(table: AxisTable, values: np.ndarray, *, background: float = 0.0) -> np.ndarray:
    """The table on values, with its limits, in float64."""
    made = dense(table, size=len(values)) @ values + table.rest * background
    if table.limits is None:
        return made
    for n, (start, stop) in enumerate(table.limits):
        if start < stop:
            around = values[table.first[n] + start : table.first[n] + stop]
            if table.rest[n]:
                around = np.append(around, background)
            made[n] = np.clip(made[n], around.min(), around.max())
    return made


def resampled(size: int, count: int, *, method: str, scale: float | None = None) -> AxisMap:
    """`count` samples over an axis of `size`, centred; outer faces aligned without a scale."""
    step = size / count if scale is None else scale
    points = (size - 1) / 2 + (np.arange(count) - (count - 1) / 2) * step
    return AxisMap.identity(size).sampled(points, width=abs(step), method=method)


@pytest.mark.parametrize("method", SMOOTH)
@given(size=SIZES, scale=st.floats(0.1, 4.0), turned=st.booleans())
def test_a_linear_field_stays_linear_between_the_first_and_last_centres(
    method: str, size: int, scale: float, turned: bool
) -> None:
    axis = resampled(
        size, max(1, int(size / scale)), method=method, scale=-scale if turned else scale
    )
    values = 40 + 7.0 * np.arange(size)
    inside = (axis.points >= 0) & (axis.points <= size - 1)
    assert np.allclose(
        evaluated(axis.table(), values)[inside], 40 + 7 * axis.points[inside], atol=1e-3
    )


@pytest.mark.parametrize("method", SMOOTH)
@given(nodes=UNEVEN, count=st.integers(2, 20))
@example(
    nodes=np.array([0.0, 0.3125, 1.3125, 2.3125, 4.3125, 7.3125]), count=2
)  # a wide cell over a narrow end
def test_a_linear_field_stays_linear_over_uneven_slices(
    method: str, nodes: np.ndarray, count: int
) -> None:
    points = np.linspace(0, nodes[-1], count)
    width = nodes[-1] / count
    axis = AxisMap(np.arange(len(nodes)), nodes, points, width, np.zeros(count, dtype=bool), method)
    inside = np.ones(count, dtype=bool)
    if method == "conservative":  # cells that overhang are cut at the faces
        faces = nodes[0] - (nodes[1] - nodes[0]) / 2, nodes[-1] + (nodes[-1] - nodes[-2]) / 2
        inside = (points - width / 2 >= faces[0]) & (points + width / 2 <= faces[1])
    made = evaluated(axis.table(), 40 + 7 * nodes)
    assert np.allclose(made[inside], (40 + 7 * points)[inside], atol=1e-3)


@pytest.mark.parametrize("method", [*SMOOTH, "nearest", "area"])
@given(size=SIZES, scale=st.floats(0.1, 5.0), background=st.floats(-1024, 1024))
def test_a_constant_stays_constant_up_to_the_outer_faces(
    method: str, size: int, scale: float, background: float
) -> None:
    axis = resampled(size, max(1, int(np.ceil(size / scale))), method=method, scale=scale)
    inside = ~axis.outside
    assert np.allclose(
        evaluated(axis.table(), np.full(size, 55.0), background=background)[inside], 55, atol=1e-3
    )


def cell_averages(values: np.ndarray, points: np.ndarray, width: float) -> np.ndarray:
    """The definition of conservative: a spline of the running sum, over cells cut at the faces."""
    ends = np.arange(-3, 0), np.arange(1, 4)
    padded = np.concatenate(
        [
            values[0] + ends[0] * (values[1] - values[0]),
            values,
            values[-1] + ends[1] * (values[-1] - values[-2]),
        ]
    )
    a, b, c, d = (padded[n : n + len(values) + 1] for n in range(1, 5))
    faces = np.arange(len(values) + 1) - 0.5
    running = np.concatenate([[0], np.cumsum(values)])
    total = CubicHermiteSpline(faces, running, (-a + 7 * b + 7 * c - d) / 12)
    low = np.clip(points - width / 2, faces[0], faces[-1])
    high = np.clip(points + width / 2, faces[0], faces[-1])
    made = (total(high) - total(low)) / (high - low)
    for n, (first, last) in enumerate(zip(low, high, strict=True)):
        cells = int(np.floor(first + 0.5 + 1e-9)), int(np.ceil(last + 0.5 - 1e-9)) - 1
        near = values[max(0, cells[0] - 1) : cells[1] + 2]
        made[n] = np.clip(made[n], near.min(), near.max())
    return made


@given(size=st.integers(3, 30), scale=st.floats(0.2, 6.0), generator=VALUES)
def test_conservative_is_the_average_of_the_part_of_a_cell_inside_the_faces(
    size: int, scale: float, generator: np.random.Generator
) -> None:
    axis = resampled(
        size, max(1, int(np.ceil(size / scale - 1e-3))), method="conservative", scale=scale
    )
    cut = (np.abs(axis.points) + np.array([[1], [-1]]) * scale / 2) % 1
    assume((np.abs(cut - 0.5) > 1e-4).all())  # where a cell starts in float32
    values = generator.normal(0, 100, size)
    truth = cell_averages(values, axis.points, scale)
    assert np.allclose(evaluated(axis.table(), values), truth, atol=2e-2)


@pytest.mark.parametrize("method", ["auto", "conservative", "area"])
@pytest.mark.parametrize("scale", [1.05, 1.9, 3.7, 9.3, 16.5])
def test_an_edge_slice_is_no_noisier_than_the_source(method: str, scale: float) -> None:
    size = 41
    table = resampled(size, int(np.ceil(size / scale - 1e-3)), method=method, scale=scale).table()
    noise = np.random.default_rng(0).normal(0, 30, (600, size))
    made = np.array([evaluated(table, values)[[0, -1]] for values in noise])
    assert made.std(axis=0).max() < (33 if scale < 3 else 27)


@pytest.mark.parametrize("method", ["auto", "conservative", "area"])
def test_a_last_slice_of_air_is_its_share_of_the_edge_cell(method: str) -> None:
    """21 slices to cells of 10: the last overhangs, and one of its six slices is air."""
    values = np.where(np.arange(21) < 20, 40.0, -1000.0)
    axis = AxisMap.identity(21).sampled(np.array([0.0, 10.0, 20.0]), width=10.0, method=method)
    cell = 21 - 0.5 - 15
    truth = (40 * (cell - 1) - 1000) / cell
    assert evaluated(axis.table(), values)[-1] == pytest.approx(truth, abs=1)


@given(size=SIZES, count=st.integers(1, 40), generator=VALUES)
def test_conservative_keeps_the_sum_exactly_before_limiting(
    size: int, count: int, generator: np.random.Generator
) -> None:
    axis = resampled(size, count, method="conservative")
    values = generator.normal(size=size)
    made = dense(axis.table(), size=size) @ values
    assert made.sum() * axis.width == pytest.approx(values.sum(), abs=1e-4)


@given(nodes=UNEVEN, generator=VALUES)
def test_conservative_keeps_the_sum_over_uneven_slices(
    nodes: np.ndarray, generator: np.random.Generator
) -> None:
    """A cell ends midway between slices; its average follows the slope to the cell's middle."""
    assume(len(nodes) > 2)
    outer = np.concatenate([[2 * nodes[0] - nodes[1]], nodes, [2 * nodes[-1] - nodes[-2]]])
    faces = (outer[1:] + outer[:-1]) / 2
    count = len(nodes) + 3
    width = (faces[-1] - faces[0]) / count
    points = faces[0] + (np.arange(count) + 0.5) * width
    axis = AxisMap(
        np.arange(len(nodes)), nodes, points, width, np.zeros(count, dtype=bool), "conservative"
    )
    values = generator.normal(size=len(nodes))
    made = dense(axis.table(), size=len(nodes)) @ values
    averages = values + np.gradient(values, nodes) * ((faces[1:] + faces[:-1]) / 2 - nodes)
    assert made.sum() * width == pytest.approx((averages * np.diff(faces)).sum(), abs=2e-3)


@pytest.mark.parametrize("method", ["cubic", "conservative", "area", "linear"])
@given(size=st.integers(2, 30), scale=st.floats(0.2, 4.0), generator=VALUES)
def test_a_step_of_1000_never_overshoots(
    method: str, size: int, scale: float, generator: np.random.Generator
) -> None:
    axis = resampled(size, max(1, int(np.ceil(size / scale))), method=method, scale=scale)
    values = np.where(generator.random(size) < 0.5, -1000.0, 1000.0)
    made = evaluated(axis.table(), values)[~axis.outside]
    assert np.abs(made).max() <= 1000 + 1e-3


@pytest.mark.parametrize("method", ["cubic", "conservative"])
@given(size=st.integers(4, 20), scale=st.floats(0.2, 1.0), generator=VALUES)
def test_the_limiter_keeps_values_within_their_neighbours(
    method: str, size: int, scale: float, generator: np.random.Generator
) -> None:
    axis = resampled(size, int(size / scale), method=method, scale=scale)
    values = generator.normal(size=size)
    for point, value in zip(axis.points, evaluated(axis.table(), values), strict=True):
        # cubic: the two samples around a point; conservative: the cells touched and one more each
        # side
        reach = 0.0 if method == "cubic" else 1.5 + scale / 2
        near = values[
            max(0, int(np.floor(point - reach))) : max(0, int(np.ceil(point + reach))) + 1
        ]
        assert near.min() - 1e-5 <= value <= near.max() + 1e-5


def test_without_the_limiter_a_step_rings() -> None:
    values = np.where(np.arange(20) < 10, -1000.0, 1000.0)
    for method in ("cubic", "conservative"):
        table = resampled(20, 41, method=method).table()
        assert np.abs(dense(table, size=20) @ values).max() > 1050
        assert table.limits is not None


@given(size=SIZES, count=st.integers(1, 30), generator=VALUES)
def test_area_is_the_exact_mean_of_each_cell(
    size: int, count: int, generator: np.random.Generator
) -> None:
    values = generator.normal(size=size)
    made = evaluated(resampled(size, count, method="area").table(), values)
    running = np.concatenate([[0], np.cumsum(values)])
    faces = np.linspace(0, size, count + 1)
    truth = np.diff(np.interp(faces, np.arange(size + 1), running)) / np.diff(faces)
    assert np.allclose(made, truth, atol=1e-5)


@given(size=SIZES, scale=st.floats(0.1, 5.0), generator=VALUES)
def test_nearest_picks_the_nearest(size: int, scale: float, generator: np.random.Generator) -> None:
    axis = resampled(size, max(1, int(size / scale)), method="nearest", scale=scale)
    values = generator.normal(size=size)
    made = evaluated(axis.table(), values)
    for point, value in zip(axis.points, made, strict=True):
        distance = np.abs(np.arange(size) - point)
        assert np.abs(values[distance <= distance.min() + 2e-6] - value).min() < 1e-6


@given(nodes=UNEVEN, count=st.integers(2, 20))
def test_nearest_over_uneven_slices_picks_the_nearest(nodes: np.ndarray, count: int) -> None:
    axis = AxisMap(
        np.arange(len(nodes)),
        nodes,
        np.linspace(0, nodes[-1], count),
        1.0,
        np.zeros(count, dtype=bool),
        "nearest",
    )
    picked = dense(axis.table(), size=len(nodes)).argmax(axis=1)
    for point, index in zip(axis.points, picked, strict=True):
        assert abs(nodes[index] - point) <= np.abs(nodes - point).min() + 1e-5


def test_auto_is_linear_where_it_gets_finer_and_averages_where_it_gets_coarser() -> None:
    assert resampled(10, 20, method="auto").kernel() == "linear"
    assert resampled(10, 10, method="auto", scale=1.0005).kernel() == "linear"
    assert resampled(20, 10, method="auto").kernel() in ("area", "conservative")


def test_auto_judges_uneven_slices_by_their_mean_distance() -> None:
    nodes = np.arange(0, 40, 4.0)
    axis = AxisMap.between(nodes, count=37)
    assert axis.kernel() == "linear"
    assert axis.sampled(np.arange(0, 36, 9.0), width=9.0, method="auto").kernel() != "linear"


@given(size=SIZES, start=st.integers(-4, 4), count=st.integers(1, 10), turned=st.booleans())
def test_a_choice_copies_and_everything_else_is_background(
    size: int, start: int, count: int, turned: bool
) -> None:
    wanted = np.arange(start, start + count)
    if turned:
        wanted = np.flip(wanted)
    axis = AxisMap.identity(size).select(wanted)
    values = np.arange(size) + 1.0
    truth = [values[n] if 0 <= n < size else -7.0 for n in wanted]
    assert axis.is_copy
    if (axis.lattice >= 0).any():
        assert evaluated(axis.table(), values, background=-7.0).tolist() == truth


@given(size=st.integers(3, 10), pad=st.integers(1, 4), scale=st.floats(0.3, 3.0))
def test_a_pad_is_read_like_any_voxel(size: int, pad: int, scale: float) -> None:
    """Padding is part of the lattice: linear next to it is linear in the background."""
    axis = AxisMap.identity(size).select(np.arange(-pad, size + pad))
    whole = size + 2 * pad
    points = np.arange(0, whole - 1, scale)
    sampled = axis.sampled(points, width=scale, method="linear")
    padded = np.concatenate([np.full(pad, -1024.0), np.arange(size) * 10.0, np.full(pad, -1024.0)])
    made = evaluated(sampled.table(), np.arange(size) * 10.0, background=-1024)
    assert np.allclose(made, np.interp(points, np.arange(whole), padded), atol=1e-2)


@given(size=st.integers(3, 10), scale=st.floats(0.3, 3.0), offset=st.floats(-6.0, 6.0))
def test_beyond_the_outer_faces_there_is_background_and_inside_them_the_edge(
    size: int, scale: float, offset: float
) -> None:
    points = offset + np.arange(int(size / scale) + 3) * scale
    assume((np.abs(points + 0.5) > 1e-3).all() and (np.abs(points - size + 0.5) > 1e-3).all())
    axis = AxisMap.identity(size).sampled(points, width=scale, method="linear")
    values = np.arange(size) * 10.0 + 5
    made = evaluated(axis.table(), values, background=-1024)
    truth = np.where(
        (points < -0.5) | (points > size - 0.5), -1024, np.interp(points, np.arange(size), values)
    )
    assert np.allclose(made, truth, atol=1e-2)


@given(size=st.integers(2, 8), shift=st.floats(-2.0, 2.0))
def test_a_tilted_slice_is_read_where_it_lies(size: int, shift: float) -> None:
    table = AxisMap(
        np.arange(size),
        np.arange(size) * 1.0,
        np.arange(size) * 1.0,
        1.0,
        np.zeros(size, dtype=bool),
        "linear",
    ).table(shift=shift)
    points = np.arange(size) - shift
    assume((np.abs(points + 0.5) > 1e-3).all() and (np.abs(points - size + 0.5) > 1e-3).all())
    truth = np.where(
        (points < -0.5) | (points > size - 0.5),
        -1024,
        np.interp(points, np.arange(size), np.arange(size) * 3.0),
    )
    assert np.allclose(evaluated(table, np.arange(size) * 3.0, background=-1024), truth, atol=1e-2)


def test_a_grid_that_overhangs_takes_the_edges_value() -> None:
    grid = Grid((3, 2, 2), np.eye(4)).resampled(spacing_mm=(2, 1, 1))
    assert grid.shape[0] == 2
    table = AxisMap.identity(3).sampled(np.array([0.0, 2.0]), width=2.0, method="area").table()
    assert np.allclose(dense(table, size=3), [[2 / 3, 1 / 3, 0], [0, 1 / 3, 2 / 3]])


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("pad", [0, 2])
def test_a_grid_of_one_sample_keeps_its_distance_for_the_next_sampling(
    turned: bool, pad: int
) -> None:
    one = AxisMap.identity(10).sampled(
        np.array([4.5]), width=8.0, method="linear", sign=-1 if turned else 1
    )
    padded = one.select(np.arange(-pad, 1 + pad))
    axis = padded.sampled(pad + np.array([-0.25, 0.0, 0.25]), width=0.25, method="linear")
    expected = [6.5, 4.5, 2.5] if turned else [2.5, 4.5, 6.5]
    assert axis.points.tolist() == expected
    assert axis.width == 8.0
    assert np.allclose(evaluated(axis.table(), np.arange(10.0) * 10), np.array(expected) * 10)


@given(size=st.integers(2, 40), count=st.integers(1, 40), shift=st.floats(-1e-8, 1e-8))
@example(size=6, count=10, shift=-1e-9)
def test_rounding_does_not_move_the_limits_of_cells_that_end_at_a_face(
    size: int, count: int, shift: float
) -> None:
    step = size / count
    points = (np.arange(count) + 0.5) * step - 0.5
    limits = []
    for moved in (points, points + shift):
        axis = AxisMap.identity(size).sampled(moved, width=step, method="conservative")
        table = axis.table()
        assert table.limits is not None
        limits.append(table.first[:, None] + table.limits)
    assert np.array_equal(*limits)
    turned = size - np.flip(limits[0], axis=(0, 1))
    assert np.array_equal(limits[0], turned)
