"""Cell averages against closed forms, and against independent integration along columns."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from hounsfield.core.grid import Grid
from hounsfield.phantom.coverage import plane_fraction
from hounsfield.phantom.render import points, render
from hounsfield.phantom.shape import Shape, box, ellipsoid, tube

EVERYWHERE = ellipsoid(0, (0, 0, 0), (1e5, 1e5, 1e5))
LINES = 80


def covered(shape: Shape, grid: Grid) -> NDArray[np.float32]:
    one = np.array([0, 1], dtype=np.float32)
    return np.concatenate(
        [piece.mapped(one) for piece in render([EVERYWHERE, shape], grid, tissues=2)], axis=2
    )


def grid_of(
    spacing: tuple[float, float, float], reach: float, turn: NDArray[np.float64] | None = None
) -> Grid:
    shape = [int(2 * reach / step + 5) for step in spacing]
    affine = np.eye(4)
    affine[:3, :3] = (np.eye(3) if turn is None else turn) @ np.diag(spacing)
    affine[:3, 3] = (0.31, 0.17, 0.44) - affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return Grid(shape, affine)


def integrated(
    radii: NDArray[np.float64], cell: NDArray[np.float64], spacing: NDArray[np.float64]
) -> float:
    """The part of an upright cell within an upright ellipsoid about 0.

    Exact chords on LINES^2 lines, along the axis nearest to the normal of the surface there.
    """
    along = int(np.argmax(np.abs(cell / radii**2 * spacing)))
    one, two = [axis for axis in range(3) if axis != along]
    offsets = (np.arange(LINES) + 0.5) / LINES - 0.5
    u = (cell[one] + offsets * spacing[one])[:, None] / radii[one]
    v = (cell[two] + offsets * spacing[two])[None, :] / radii[two]
    half = radii[along] * np.sqrt(np.clip(1 - u * u - v * v, 0, None))
    low, high = cell[along] - spacing[along] / 2, cell[along] + spacing[along] / 2
    return float(
        (np.clip(np.minimum(high, half) - np.maximum(low, -half), 0, None) / spacing[along]).mean()
    )


RADII = [(5, 5, 5), (3, 4, 2), (1, 1, 1), (0.4, 0.4, 0.4), (20, 30, 25), (9, 7, 8), (6, 30, 30)]
SPACINGS = [(1, 1, 1), (0.5, 0.5, 5), (2, 1, 3)]


@pytest.mark.parametrize("radii", RADII, ids=str)
@pytest.mark.parametrize("spacing", SPACINGS, ids=str)
def test_no_voxel_is_off_by_a_thousandth(
    radii: tuple[float, ...], spacing: tuple[float, float, float]
) -> None:
    grid = grid_of(spacing, max(radii))
    found = covered(ellipsoid(1, (0, 0, 0), radii), grid)
    cut = np.argwhere((found > 0) & (found < 1))
    chosen = cut[np.random.default_rng(3).permutation(len(cut))[:150]]
    errors = [
        found[tuple(cell)] - integrated(np.array(radii, float), grid.world(cell), np.array(spacing))
        for cell in chosen
    ]
    assert np.abs(errors).max() < 1e-3


@pytest.mark.parametrize("turn", [(0, 0, 0), (10, 20, 30)], ids=str)
@pytest.mark.parametrize("spacing", SPACINGS, ids=str)
def test_an_ellipsoid_has_its_volume(
    turn: tuple[float, ...], spacing: tuple[float, float, float]
) -> None:
    found = covered(ellipsoid(1, (0, 0, 0), (9, 7, 12), turn), grid_of(spacing, 12))
    assert found.sum(dtype=np.float64) * np.prod(spacing) == pytest.approx(
        4 / 3 * np.pi * 9 * 7 * 12, rel=1e-4
    )


def test_boxes_and_tubes_have_their_volumes_on_an_oblique_grid() -> None:
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    grid = grid_of((0.8, 1, 1.5), 16, turn)
    cell = 0.8 * 1.5
    shapes = (
        (box(1, (0, 0, 0), (5, 6, 7), (20, 0, 40)), 8 * 5 * 6 * 7),
        (tube(1, (0, 0, 0), (5, 4, 9), (0, 33, 12)), np.pi * 360),
    )
    for shape, volume in shapes:
        assert covered(shape, grid).sum(dtype=np.float64) * cell == pytest.approx(volume, rel=1e-3)


@given(
    st.tuples(*[st.floats(-1, 1)] * 3).filter(lambda n: max(map(abs, n)) > 0.05), st.floats(-1, 1)
)
def test_a_plane_and_its_reverse_share_the_cell(normal: tuple[float, ...], level: float) -> None:
    there = plane_fraction(np.array([level]), np.array([normal]))[0]
    back = plane_fraction(np.array([-level]), -np.array([normal]))[0]
    assert there + back == pytest.approx(1.0, abs=1e-6)
    assert 0 <= there <= 1


def test_nested_surfaces_in_one_voxel_average_exactly() -> None:
    """Two concentric spheres 0.4 mm apart on 1 mm voxels: the shell between them has its volume."""
    grid = grid_of((1, 1, 1), 9)
    shapes = [
        EVERYWHERE,
        ellipsoid(1, (0, 0, 0), (8, 8, 8)),
        ellipsoid(0, (0, 0, 0), (7.6, 7.6, 7.6)),
    ]
    one = np.array([0, 1], dtype=np.float32)
    shell = sum(
        piece.mapped(one).sum(dtype=np.float64) for piece in render(shapes, grid, tissues=2)
    )
    assert shell == pytest.approx(4 / 3 * np.pi * (8**3 - 7.6**3), rel=2e-3)


def test_points_are_what_the_shape_contains() -> None:
    grid = grid_of((1, 1, 1), 9)
    shape = tube(1, (1, 0, 0), (5, 4, 6), (30, 10, 0))
    index = np.stack(np.meshgrid(*[np.arange(n) for n in grid.shape], indexing="ij"), axis=-1)
    assert (points([EVERYWHERE, shape], grid) == shape.contains(grid.world(index))).all()


def test_a_cell_centred_on_a_smaller_ellipsoid_has_its_volume() -> None:
    grid = Grid((3, 3, 3), np.diag([8.0, 8.0, 12.0, 1.0]))
    radii = (3.0, 2.5, 4.0)
    found = covered(ellipsoid(1, (8, 8, 12), radii), grid)
    whole = 4 / 3 * np.pi * np.prod(radii) / (8 * 8 * 12)
    assert float(found[1, 1, 1]) == pytest.approx(whole, abs=1e-2)  # Cells of 4 x 4 x 3 mm.
    assert np.count_nonzero(found) == 1
    flat = plane_fraction(np.array([-0.5, 0.5]), np.zeros((2, 3)))
    assert flat.tolist() == [1.0, 0.0]
