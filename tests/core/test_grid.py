"""Promises of Grid: no operation moves a voxel in the world, and spacings are exact."""

import pickle
from itertools import product

import nibabel
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hounsfield.core.errors import GeometryError
from hounsfield.core.grid import Grid
from hounsfield.core.orientation import parse_orientation
from hounsfield.testing import ORIENTATIONS, grids

ANY = grids(oblique=True)
SPACINGS = st.tuples(*[st.floats(0.2, 8.0)] * 3)


def places(grid: Grid) -> np.ndarray:
    """Every voxel's place in the world, (i, j, k, 3)."""
    index = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), axis=-1)
    return np.einsum("rc,ijkc->ijkr", grid.affine[:3, :3], index) + grid.affine[:3, 3]


def test_there_are_48_orientations() -> None:
    assert len(ORIENTATIONS) == len(set(ORIENTATIONS)) == 48


@given(grid=ANY, axes=st.sets(st.integers(0, 2)))
def test_a_flip_never_moves_a_voxel(grid: Grid, axes: set[int]) -> None:
    assert np.allclose(
        places(grid.flipped(sorted(axes))), np.flip(places(grid), sorted(axes)), atol=1e-9
    )


@given(grid=ANY, order=st.permutations(range(3)))
def test_a_permutation_never_moves_a_voxel(grid: Grid, order: list[int]) -> None:
    assert np.allclose(places(grid.permuted(order)), places(grid).transpose(*order, 3), atol=1e-9)


@given(
    grid=ANY, start=st.tuples(*[st.integers(-3, 3)] * 3), shape=st.tuples(*[st.integers(1, 6)] * 3)
)
def test_a_box_never_moves_a_voxel(
    grid: Grid, start: tuple[int, ...], shape: tuple[int, ...]
) -> None:
    boxed = grid.boxed(start, shape)
    assert boxed.shape == shape
    index = np.array(list(np.ndindex(*shape)))
    assert np.allclose(boxed.world(index), grid.world(index + start), atol=1e-9)
    assert boxed.spacing_mm == pytest.approx(grid.spacing_mm, rel=1e-12)


@given(grid=ANY, to=st.sampled_from(ORIENTATIONS))
def test_a_reorientation_never_moves_a_voxel_and_ends_as_asked(grid: Grid, to: str) -> None:
    turned = grid.reoriented(to)
    assert turned.orientation == to
    assert sorted(map(tuple, places(turned).reshape(-1, 3).round(6).tolist())) == sorted(
        map(tuple, places(grid).reshape(-1, 3).round(6).tolist())
    )
    assert turned.aligned_with(grid)


@given(grid=ANY, to=st.sampled_from(ORIENTATIONS))
def test_orientations_agree_with_nibabel(grid: Grid, to: str) -> None:
    assert grid.orientation == "".join(nibabel.orientations.aff2axcodes(grid.affine))
    change = nibabel.orientations.ornt_transform(
        nibabel.io_orientation(grid.affine), nibabel.orientations.axcodes2ornt(to)
    )
    theirs = grid.affine @ nibabel.orientations.inv_ornt_aff(change, grid.shape)
    assert np.allclose(grid.reoriented(to).affine, theirs, atol=1e-9)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_every_orientation_becomes_ras_as_nibabel_does_it(orientation: str) -> None:
    grid = (
        Grid((4, 3, 2), np.diag([0.5, 0.7, 3, 1]))
        .boxed((9, 9, 9), (4, 3, 2))
        .reoriented(orientation)
    )
    values = np.arange(24, dtype=np.int16).reshape(grid.shape)
    theirs = nibabel.as_closest_canonical(nibabel.Nifti1Image(values, grid.affine))
    ours = grid.reoriented("RAS")
    assert np.allclose(ours.affine, theirs.affine, atol=1e-12)
    assert ours.shape == theirs.shape


@given(grid=grids(smallest=2), spacing=SPACINGS)
def test_a_resampled_grid_has_exactly_the_spacing_asked_and_loses_no_partial_voxel(
    grid: Grid, spacing: tuple[float, ...]
) -> None:
    made = grid.resampled(spacing_mm=spacing)
    for n in range(3):
        assert made.spacing_mm[n] == pytest.approx(spacing[n], rel=1e-12)
        extent, covered = grid.shape[n] * grid.spacing_mm[n], made.shape[n] * spacing[n]
        assert made.shape[n] == max(1, np.ceil(extent / spacing[n] - 1e-3))
        assert covered >= extent - 1.1e-3 * spacing[n]
        assert (covered - extent) / 2 < spacing[n] / 2
    assert np.allclose(made.corners_mm.mean(axis=0), grid.corners_mm.mean(axis=0), atol=1e-9)
    assert np.allclose(made.directions, grid.directions)


@given(grid=grids(smallest=2), spacing=SPACINGS)
def test_exact_fov_keeps_the_outer_faces(grid: Grid, spacing: tuple[float, ...]) -> None:
    made = grid.resampled(spacing_mm=spacing, fit="exact_fov")
    assert made.extent_mm == pytest.approx(grid.extent_mm, rel=1e-9)
    assert made.shape == grid.resampled(spacing_mm=spacing).shape
    faces = np.array(list(product(*[(-0.5, size - 0.5) for size in made.shape])))
    theirs = np.array(list(product(*[(-0.5, size - 0.5) for size in grid.shape])))
    assert np.allclose(made.world(faces), grid.world(theirs), atol=1e-8)


@given(grid=grids(smallest=2), shape=st.tuples(*[st.integers(1, 12)] * 3))
def test_a_resampling_to_a_shape_keeps_the_outer_faces(grid: Grid, shape: tuple[int, ...]) -> None:
    made = grid.resampled(shape=shape)
    assert made.shape == shape
    assert made.extent_mm == pytest.approx(grid.extent_mm, rel=1e-9)


def test_512_voxels_of_0_501953_mm_become_exactly_1_mm() -> None:
    made = Grid((512, 512, 1), np.diag([0.501953, 0.501953, 5, 1])).resampled(spacing_mm=(1, 1, 1))
    assert made.spacing_mm == (1.0, 1.0, 5.0)
    assert made.shape == (257, 257, 1)


def test_one_slice_is_left_alone_along_its_normal() -> None:
    for thickness in (0.4, 5.0):
        made = Grid((4, 4, 1), np.diag([1, 1, thickness, 1])).resampled(spacing_mm=(1, 1, 1))
        assert made.shape == (4, 4, 1)
        assert made.spacing_mm[2] == thickness


@given(
    grid=ANY,
    order=st.permutations(range(3)),
    axes=st.sets(st.integers(0, 2)),
    start=st.tuples(*[st.integers(-3, 3)] * 3),
    shape=st.tuples(*[st.integers(1, 6)] * 3),
)
def test_flips_permutations_and_boxes_stay_aligned(
    grid: Grid, order: list[int], axes: set[int], start: tuple[int, ...], shape: tuple[int, ...]
) -> None:
    other = grid.permuted(order).flipped(sorted(axes)).boxed(start, shape)
    assert grid.aligned_with(other)
    assert other.aligned_with(grid)
    half = np.eye(4)
    half[0, 3] = 0.5
    assert not grid.aligned_with(other.moved(other.shape, half))


@given(grid=grids(smallest=2, oblique=True))
def test_another_spacing_or_a_turn_is_not_aligned(grid: Grid) -> None:
    assert not grid.aligned_with(
        grid.resampled(spacing_mm=[step * 0.5 for step in grid.spacing_mm])
    )
    assert not grid.aligned_with(grid.moved(grid.shape, np.diag([1.05, 1, 1, 1])))
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(0.1), -np.sin(0.1)], [np.sin(0.1), np.cos(0.1)]]
    assert not grid.aligned_with(Grid(grid.shape, turn @ grid.affine))


def test_affines_that_differ_by_rounding_are_the_same_grid() -> None:
    grid = Grid((200, 200, 60), np.diag([-0.9766, -0.9766, 3.27, 1]))
    moved = np.array(grid.affine)
    moved[:3, 3] += 1e-5
    assert grid.same_as(Grid(grid.shape, moved))
    moved[0, 3] += 0.01
    assert not grid.same_as(Grid(grid.shape, moved))
    assert not grid.same_as(grid.boxed((0, 0, 0), (200, 200, 59)))


@given(grid=ANY, point=st.tuples(*[st.floats(-50, 50)] * 3))
def test_index_and_world_are_inverse(grid: Grid, point: tuple[float, ...]) -> None:
    assert np.allclose(grid.index(grid.world(point)), point, atol=1e-7)


@given(grid=ANY)
def test_equal_grids_hash_alike_and_survive_pickling(grid: Grid) -> None:
    other = pickle.loads(pickle.dumps(grid))  # noqa: S301
    assert other == grid
    assert hash(other) == hash(grid)
    assert not other.affine.flags.writeable
    assert grid != Grid(grid.shape, grid.affine + np.diag([1e-9, 0, 0, 0]))
    assert grid != "grid"


def test_minus_zero_is_zero_to_a_hash() -> None:
    negative = np.diag([1.0, 1, 1, 1])
    negative[0, 3] = -0.0
    assert hash(Grid((1, 1, 1), negative)) == hash(Grid((1, 1, 1), np.eye(4)))


def test_a_grid_cannot_be_changed() -> None:
    grid = Grid((2, 2, 2), np.eye(4))
    with pytest.raises(ValueError, match="read-only"):
        grid.affine[0, 0] = 2
    with pytest.raises(AttributeError):
        grid.shape = (3, 3, 3)  # type: ignore[misc]


def test_the_affine_given_is_copied() -> None:
    affine = np.eye(4)
    grid = Grid((2, 2, 2), affine)
    affine[0, 0] = 7
    assert grid.spacing_mm == (1.0, 1.0, 1.0)


BAD_AFFINES = {
    "nan": np.diag([np.nan, 1, 1, 1]),
    "infinite": np.diag([np.inf, 1, 1, 1]),
    "zero spacing": np.diag([0, 1, 1, 1]),
    "flat": np.array([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]),
    "3 x 3": np.eye(3),
    "projective": np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 1, 1]]),
}


@pytest.mark.parametrize("affine", BAD_AFFINES.values(), ids=BAD_AFFINES.keys())
def test_an_impossible_affine_is_refused(affine: np.ndarray) -> None:
    with pytest.raises(GeometryError):
        Grid((2, 2, 2), affine)


@pytest.mark.parametrize("shape", [(0, 1, 1), (2, 2), (2, -1, 2), (2, 2, 2.5)])
def test_an_impossible_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(GeometryError, match="three sizes"):
        Grid(shape, np.eye(4))


@pytest.mark.parametrize("letters", ["", "RA", "RAX", "RRS", "RLS", "ras", "RASR"])
def test_an_impossible_orientation_is_refused(letters: str) -> None:
    with pytest.raises(GeometryError, match="orientation"):
        parse_orientation(letters)


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"spacing_mm": (1, 1, 1), "shape": (2, 2, 2)},
        {"spacing_mm": (0, 1, 1)},
        {"spacing_mm": (np.nan, 1, 1)},
        {"spacing_mm": (-1, 1, 1)},
        {"shape": (0, 1, 1)},
    ],
)
def test_an_impossible_resampling_is_refused(wrong: dict[str, tuple[float, ...]]) -> None:
    with pytest.raises(GeometryError):
        Grid((4, 4, 4), np.eye(4)).resampled(**wrong)


def test_axes_and_orders_that_a_grid_does_not_have_are_refused() -> None:
    with pytest.raises(GeometryError):
        Grid((2, 3, 4), np.eye(4)).permuted((0, 0, 1))
    with pytest.raises(GeometryError):
        Grid((2, 3, 4), np.eye(4)).flipped((3,))
    with pytest.raises(GeometryError):
        Grid((2, 3, 4), np.eye(4)).flipped((-1,))
