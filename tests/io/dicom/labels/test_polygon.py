"""Promises about filling polygons: pixel centres by the even-odd rule, no overlap, no gap."""

from __future__ import annotations

import math
import time
from fractions import Fraction
from functools import reduce

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from hounsfield.io.dicom.rtstruct.polygon import rasterize
from hounsfield.io.dicom.rtstruct.rasterize import MOST_CROSSINGS, fill

SHAPE = (13, 11)
COORDINATE = st.floats(-6, 18, allow_nan=False).map(lambda value: round(value, 3))
POINTS = st.lists(st.tuples(COORDINATE, COORDINATE), min_size=3, max_size=9).map(
    lambda items: np.array(items, float)
)
WHOLE = st.lists(st.tuples(st.integers(-2, 14), st.integers(-2, 12)), min_size=3, max_size=8).map(
    lambda items: np.array(items, float)
)


def crossed_upwards(points: np.ndarray, i: float, j: float) -> int:
    """How many edges the ray from (i, j) along ascending j crosses; our code follows i."""
    count = 0
    for (x0, y0), (x1, y1) in zip(points, np.roll(points, -1, axis=0), strict=True):
        if (x0 > i) != (x1 > i):
            count += y0 + (i - x0) / (x1 - x0) * (y1 - y0) > j
    return count


def to_outline(points: np.ndarray, i: float, j: float) -> float:
    """The distance of (i, j) to the nearest edge, px."""
    best = np.inf
    for here, there in zip(points, np.roll(points, -1, axis=0), strict=True):
        along, place = there - here, np.array([i, j]) - here
        share = np.clip(place @ along / max(along @ along, 1e-12), 0, 1)
        best = min(best, float(np.linalg.norm(place - share * along)))
    return best


@given(points=POINTS)
def test_a_centre_is_inside_where_a_ray_crosses_the_outline_an_odd_number_of_times(
    points: np.ndarray,
) -> None:
    made = rasterize(points, shape=SHAPE)
    for i, j in np.ndindex(SHAPE):
        if to_outline(points, i, j) > 2e-3:
            assert made[i, j] == (crossed_upwards(points, i, j) % 2 == 1)


@given(
    points=WHOLE,
    cut=st.tuples(
        st.integers(-3, 15), st.integers(-3, 13), st.integers(-3, 15), st.integers(-3, 13)
    ),
)
def test_polygons_that_share_borders_neither_overlap_nor_leave_a_gap(
    points: np.ndarray, cut: tuple[int, ...]
) -> None:
    """A fan of triangles about any point, by exclusive or, is the polygon; vertices on centres."""
    hub = np.array(cut[:2], float)
    fan = np.zeros(SHAPE, bool)
    for here, there in zip(points, np.roll(points, -1, axis=0), strict=True):
        fan ^= rasterize(np.array([hub, here, there]), shape=SHAPE)
    assert np.array_equal(fan, rasterize(points, shape=SHAPE))


@given(points=POINTS)
def test_what_lies_beyond_the_lattice_changes_nothing_within(points: np.ndarray) -> None:
    wide = rasterize(points + 20, shape=(60, 60))
    assert np.array_equal(rasterize(points, shape=SHAPE), wide[20:33, 20:31])


@example(points=np.array([[0, 0], [0, 1], [1.5, 1.438]]))
@given(points=POINTS)
def test_neither_direction_nor_start_of_an_outline_matters(points: np.ndarray) -> None:
    made = rasterize(points, shape=SHAPE)
    assert np.array_equal(made, rasterize(points[::-1], shape=SHAPE))
    assert np.array_equal(made, rasterize(np.roll(points, 2, axis=0), shape=SHAPE))


def exactly(points: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """The even-odd rule in rational numbers, with the ray towards descending i."""
    corners = [(Fraction(float(x)), Fraction(float(y))) for x, y in points]
    made = np.zeros(shape, bool)
    for j in range(shape[1]):
        for (x0, y0), (x1, y1) in zip(corners, [*corners[1:], corners[0]], strict=True):
            if (y0 <= j) != (y1 <= j):
                crossing = x0 + (j - y0) / (y1 - y0) * (x1 - x0)
                made[max(0, math.ceil(crossing)) :, j] ^= True
    return made


EIGHTHS = st.integers(-48, 144).map(lambda value: value / 8)


@given(
    points=st.lists(st.tuples(EIGHTHS, EIGHTHS), min_size=3, max_size=9).map(
        lambda items: np.array(items, float)
    )
)
def test_centres_on_and_near_the_outline_are_decided_exactly(points: np.ndarray) -> None:
    """Many centres are on an edge between vertices at eighths; vertices are not moved."""
    nudged = points + np.random.default_rng(len(points)).integers(-2, 3, points.shape) * 2.0**-26
    for outline in (points, nudged):
        assert np.array_equal(rasterize(outline, shape=SHAPE), exactly(outline, SHAPE))


def test_a_border_a_thousandth_of_a_pixel_away_counts() -> None:
    """The peers do not move vertices either: files have digits of 0.001 mm and finer."""
    square = np.array([[2, 2], [8, 2], [8, 7], [2, 7]], float)
    assert rasterize(square, shape=SHAPE).sum() == 30
    assert rasterize(square - 4e-4, shape=SHAPE).sum() == 30
    assert rasterize(square + 4e-4, shape=SHAPE).sum() == 30
    assert np.array_equal(np.argwhere(rasterize(square + 4e-4, shape=SHAPE)).min(axis=0), [3, 3])


def test_an_outline_far_beyond_the_image_is_exact() -> None:
    corners = np.array([[-1e9, -1e9], [1e9, -1e9 + 3], [1e9, 1e9], [-1e9, 1e9 - 7]])
    assert rasterize(corners, shape=SHAPE).all()
    triangle = np.array([[-1e6, 0.5], [1e6, 0.5], [0, 1e6]])
    assert np.array_equal(rasterize(triangle, shape=SHAPE), exactly(triangle, SHAPE))


def test_a_keyhole_leaves_a_hole() -> None:
    outline = [
        (1, 1),
        (10, 1),
        (10, 9),
        (1, 9),
        (1, 5),
        (4, 5),
        (4, 7),
        (7, 7),
        (7, 3),
        (4, 3),
        (4, 5),
        (1, 5),
    ]
    ring, hole = (
        rasterize(np.array(points, float) + 0.3, shape=SHAPE)
        for points in (outline[:4], [(4, 3), (7, 3), (7, 7), (4, 7)])
    )
    assert hole.any()
    assert np.array_equal(rasterize(np.array(outline, float) + 0.3, shape=SHAPE), ring & ~hole)


def naive_crossings(parts: list[np.ndarray]) -> int:
    """Pairs that overlap without one being within the other."""
    return sum(
        bool((one & other).any() and (one & ~other).any() and (other & ~one).any())
        for n, one in enumerate(parts)
        for other in parts[:n]
    )


@given(outlines=st.lists(POINTS, min_size=1, max_size=5))
def test_contours_of_a_slice_are_combined_and_crossings_counted(outlines: list[np.ndarray]) -> None:
    mask = np.zeros(SHAPE, bool, order="F")
    count = fill(mask, outlines)
    parts = [rasterize(each, shape=SHAPE) for each in outlines]
    assert np.array_equal(mask, np.bitwise_xor.reduce(parts))
    assert count == naive_crossings(parts)


def test_hundreds_of_crossing_contours_are_filled_soon() -> None:
    """They were compared pair by pair, on whole slices: 600 took minutes."""
    chance = np.random.default_rng(4)
    outlines = [chance.uniform(0, 256, (4, 2)) for _ in range(600)]
    mask = np.zeros((256, 256), bool, order="F")
    start = time.perf_counter()
    assert fill(mask, outlines) == MOST_CROSSINGS
    assert time.perf_counter() - start < 5
    parts = (rasterize(each, shape=mask.shape) for each in outlines)
    assert np.array_equal(mask, reduce(np.bitwise_xor, parts))
