"""Promises about labels and masks: aligned with the image, no new values, fair partial volumes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hounsfield as hu
from hounsfield.core.grid import Grid
from hounsfield.core.stack import Stack
from hounsfield.testing import applied, grids, specs, volumes
from hounsfield.testing.values import centres

LABELS = volumes(
    spec=specs(grid=grids(smallest=2), quantity="label", dtypes=("uint8", "int16", "int32"))
)
SPACINGS = st.tuples(*[st.floats(0.4, 5.0)] * 3)


def with_label(label: hu.Volume, step: object) -> hu.Volume:
    """The label after a step on a case that holds it."""
    image = hu.Volume.from_array(np.zeros(label.grid.shape, np.int16), affine=label.grid.affine)
    done = applied(step, hu.Case(image, {"a": label}))
    assert done.labels["a"].grid == done.image.grid
    return done.labels["a"]


def shares(label: hu.Volume, grid: Grid, value: int) -> np.ndarray:
    """The share of `value` in each cell of `grid`, by axis: overlap where coarser, else linear."""
    share = (label.array == value).astype(float)
    for axis in range(3):
        size, scale = label.grid.shape[axis], grid.spacing_mm[axis] / label.grid.spacing_mm[axis]
        places = (size - 1) / 2 + (np.arange(grid.shape[axis]) - (grid.shape[axis] - 1) / 2) * scale
        if size == 1:
            matrix = np.ones((1, 1))
        elif scale > 1.001:
            cells = np.arange(size)
            low, high = (
                np.maximum(places - scale / 2, -0.5),
                np.minimum(places + scale / 2, size - 0.5),
            )
            matrix = np.clip(
                np.minimum(cells + 0.5, high[:, None]) - np.maximum(cells - 0.5, low[:, None]),
                0,
                None,
            )
            matrix /= matrix.sum(axis=1, keepdims=True)
        else:
            matrix = np.clip(
                1 - np.abs(np.clip(places, 0, size - 1)[:, None] - np.arange(size)), 0, None
            )
        share = np.moveaxis(np.tensordot(matrix, share, (1, axis)), 0, axis)
    return share


@given(label=LABELS, spacing=SPACINGS)
def test_partial_volume_gives_each_cell_the_label_with_the_largest_share(
    label: hu.Volume, spacing: tuple[float, ...]
) -> None:
    made = with_label(label, hu.Resample(spacing_mm=spacing))
    values = np.unique(label.array)
    each = np.stack([shares(label, made.grid, int(value)) for value in values])
    won = np.take_along_axis(each, np.searchsorted(values, made.array)[None], axis=0)[0]
    index = label.grid.index(centres(made.grid))
    inside = ((index > -0.499) & (index < np.array(label.grid.shape) - 0.501)).all(axis=-1)
    assert (won >= each.max(axis=0) - 1e-4)[inside].all()
    assert made.spec.dtype == label.spec.dtype


@given(label=LABELS, spacing=SPACINGS, method=st.sampled_from(["nearest", "partial_volume"]))
def test_no_label_value_is_invented(
    label: hu.Volume, spacing: tuple[float, ...], method: str
) -> None:
    made = with_label(label, hu.Resample(spacing_mm=spacing, label_method=method))
    assert set(np.unique(made.array)) <= {*np.unique(label.array), 0}


@given(label=LABELS, spacing=SPACINGS)
def test_nearest_labels_are_those_of_the_nearest_voxel(
    label: hu.Volume, spacing: tuple[float, ...]
) -> None:
    made = with_label(label, hu.Resample(spacing_mm=spacing, label_method="nearest"))
    index = label.grid.index(centres(made.grid))
    near = np.clip(np.rint(index), 0, np.array(label.grid.shape) - 1).astype(int)
    sure = (np.abs(index - np.floor(index) - 0.5) > 1e-4).all(axis=-1)
    sure &= ((index > -0.499) & (index < np.array(label.grid.shape) - 0.501)).all(axis=-1)
    assert np.array_equal(made.array[sure], label.array[tuple(near[sure].T)])


@pytest.mark.parametrize("method", ["nearest", "linear"])
def test_outside_a_label_that_fills_its_volume_there_is_none(method: str) -> None:
    label = hu.Volume.from_array(
        np.full((4, 4, 4), 3, np.uint8), affine=np.eye(4), quantity="label"
    )
    beyond = np.eye(4) * 0.9
    beyond[3, 3] = 1
    beyond[:3, 3] = -3
    made = hu.regrid(label, Grid((10, 10, 10), beyond), method=method)
    index = label.grid.index(centres(made.grid))
    inside = ((index >= -0.5) & (index <= 3.5)).all(axis=-1)
    assert np.array_equal(made.array, np.where(inside, 3, 0))


def test_a_checkerboard_of_two_labels_is_neither_lost_nor_smeared_into_a_third() -> None:
    board = (np.indices((8, 8, 8)).sum(axis=0) % 2 * 4 + 1).astype(np.uint8)
    label = hu.Volume.from_array(board, affine=np.eye(4), quantity="label")
    made = with_label(label, hu.Resample(shape=(4, 4, 4)))
    assert set(np.unique(made.array)) == {1}  # a tie goes to the lower value


@given(label=LABELS)
def test_regrid_brings_a_label_back_bit_for_bit(label: hu.Volume) -> None:
    turned = hu.regrid(
        label,
        label.grid.reoriented("RAS").boxed(
            (-1, 0, -2), tuple(n + 3 for n in label.grid.reoriented("RAS").shape)
        ),
    )
    assert turned.quantity == "label"
    assert np.array_equal(hu.regrid(turned, label.grid).array, label.array)


@given(label=LABELS, spacing=SPACINGS, axes=st.sets(st.integers(0, 2), min_size=1))
def test_a_flipped_label_is_resampled_to_the_flipped_label(
    label: hu.Volume, spacing: tuple[float, ...], axes: set[int]
) -> None:
    flipped = hu.Volume(np.flip(label.array, sorted(axes)).copy("F"), label.spec)
    grid = label.grid.resampled(spacing_mm=spacing)
    made = hu.regrid(label, grid).array
    assert np.array_equal(np.flip(hu.regrid(flipped, grid).array, sorted(axes)), made)


@given(label=LABELS)
def test_a_label_on_a_slightly_turned_grid_is_as_on_the_straight_one(label: hu.Volume) -> None:
    grid = label.grid.resampled(spacing_mm=[0.7 * step for step in label.grid.spacing_mm])
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(0.01), -np.sin(0.01)], [np.sin(0.01), np.cos(0.01)]]
    middle = np.eye(4)
    middle[:3, 3] = grid.world(np.array(grid.shape) / 2 - 0.5)
    turned = Grid(grid.shape, middle @ turn @ np.linalg.inv(middle) @ grid.affine)
    straight = hu.regrid(label, grid).array
    made = hu.regrid(label, turned).array
    assert set(np.unique(made)) <= {*np.unique(label.array), 0}
    assert (made == straight).mean() >= 0.5


def test_a_coarse_oblique_cell_has_the_label_with_the_largest_share() -> None:
    values = np.zeros((24, 24, 24), np.uint8)
    values[:, :, 0::3] = 1
    values[:, :, 1::3] = 2
    values[:, :, 2::3] = 2
    label = hu.Volume.from_array(values, affine=np.eye(4), quantity="label")
    turn = np.diag([3.0, 3.0, 3.0, 1.0])
    turn[:2, :2] = 3 * np.array([[np.cos(0.4), -np.sin(0.4)], [np.sin(0.4), np.cos(0.4)]])
    turn[:3, 3] = (10, 5, 4)
    made = hu.regrid(label, Grid((4, 4, 4), turn)).array
    assert made[0, 0].tolist() == [2, 2, 2, 2]
    assert 1 in hu.regrid(label, Grid((4, 4, 4), turn @ np.diag([1, 1, 1 / 3, 1]))).array


def test_regrid_on_an_oblique_grid_invents_no_label() -> None:
    label = hu.Volume.from_array(
        np.random.default_rng(0).integers(0, 3, (9, 9, 9)).astype(np.uint8) * 40,
        affine=np.eye(4),
        quantity="label",
    )
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(0.4), -np.sin(0.4)], [np.sin(0.4), np.cos(0.4)]]
    made = hu.regrid(label, Grid((9, 9, 9), turn))
    assert set(np.unique(made.array)) <= {0, 40, 80}
    assert made.spec.dtype == np.uint8


def test_each_labels_change_of_volume_is_reported() -> None:
    values = np.zeros((10, 10, 10), np.uint8)
    values[2:6, 2:6, 2:6] = 1
    values[8, 8, 8] = 2
    ct = hu.Volume.from_array(np.zeros((10, 10, 10), np.int16), affine=np.eye(4))
    label = hu.Volume.from_array(values, affine=np.eye(4), quantity="label")
    done = hu.Pipeline((hu.Resample(spacing_mm=2),)).run(hu.Case(ct, {"a": label}))
    rows = {row["value"]: (row["ml_before"], row["ml_after"]) for row in done.record.labels["a"]}
    assert rows[1] == pytest.approx((0.064, 0.064))
    assert rows[2] == pytest.approx((0.001, 0.0))


def test_values_never_change_a_label() -> None:
    label = hu.Volume.from_array(
        np.array([0, 1, 200], np.uint8).reshape(3, 1, 1), affine=np.eye(4), quantity="label"
    )
    for step in (
        hu.Clip(low_hu=0, high_hu=1),
        hu.Window(name="brain"),
        hu.Standardize(mean_hu=0, std_hu=2),
        hu.Denoise(method="median", radius_mm=2),
        hu.MapRange(from_low=0, from_high=1),
    ):
        assert np.array_equal(with_label(label, step).array, label.array)


def test_a_background_that_the_dtype_cannot_represent_is_refused() -> None:
    label = hu.Volume.from_array(
        np.ones((3, 3, 3), np.uint8), affine=np.eye(4), quantity="label", background=-1
    )
    assert hu.regrid(label, label.grid.resampled(shape=(2, 2, 2))).array.all()
    with pytest.raises(hu.QuantityError, match="background -1 of the label"):
        hu.regrid(label, label.grid.boxed((-1, 0, 0), (4, 3, 3)))


def test_a_label_on_tilted_slices_is_refused_as_an_image() -> None:
    label = hu.Volume.from_array(np.zeros((3, 3, 3), np.uint8), affine=np.eye(4), quantity="label")
    stack = Stack.from_volume(label)
    origins = stack.origins_ras_mm + np.array([[0, 0, 0], [0, 0, 0.5], [0, 0, 0]])
    uneven = stack.replaced(exact_grid=None, origins_ras_mm=origins)
    with pytest.raises(hu.QuantityError, match="labels are not interpolated"):
        uneven.volume()
    with pytest.raises(hu.QuantityError, match="labels are not interpolated"):
        hu.Pipeline((hu.Resample(spacing_mm=1),)).run(uneven)


def test_a_label_is_no_image() -> None:
    label = hu.Volume.from_array(np.zeros((3, 3, 3), np.uint8), affine=np.eye(4), quantity="label")
    for step in (
        hu.Window(name="brain"),
        hu.Clip(low_hu=0, high_hu=1),
        hu.Slab(slices=3),
        hu.Denoise(method="median", radius_mm=1),
        hu.Standardize(mean_hu=0, std_hu=1),
    ):
        with pytest.raises(hu.QuantityError, match="label"):
            step.plan(label.spec)
