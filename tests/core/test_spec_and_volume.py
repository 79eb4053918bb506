"""Promises of Spec, Volume and Case: bad input is refused, and an array matches its Spec."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given

import hounsfield as hu
from hounsfield.core.spec import QUANTITIES, Spec
from hounsfield.testing import specs, volumes

GRID = hu.Grid((3, 4, 2), np.diag([-1.0, -1, 5, 1]))


@given(spec=specs(quantity=None, channels=True))
def test_equal_specs_hash_alike_and_survive_pickling(spec: Spec) -> None:
    other = pickle.loads(pickle.dumps(spec))  # noqa: S301
    assert other == spec
    assert hash(other) == hash(spec)
    assert spec.shape == spec.grid.shape + ((len(spec.channels),) if spec.channels else ())
    assert spec != spec.replaced(background=spec.background + 1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"quantity": "HU"},
        {"background": np.nan},
        {"background": np.inf},
        {"dtype": "complex64"},
        {"dtype": "U3"},
        {"grid": (3, 4, 2)},
    ],
)
def test_a_spec_that_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    right = {"grid": GRID, "dtype": "int16", "quantity": "hu", "background": -1024}
    with pytest.raises((hu.QuantityError, hu.GeometryError)):
        Spec(**{**right, **wrong})


def test_air_is_the_background_of_hu_and_0_of_everything_else() -> None:
    for quantity in QUANTITIES:
        volume = hu.Volume.from_array(
            np.zeros((3, 4, 2), np.float32), affine=GRID.affine, quantity=quantity
        )
        assert volume.background == (-1024 if quantity == "hu" else 0)


@given(volume=volumes(spec=specs(channels=True)))
def test_a_volume_keeps_one_slice_contiguous(volume: hu.Volume) -> None:
    c_ordered = hu.Volume(np.ascontiguousarray(volume.array), volume.spec)
    assert c_ordered.array.flags.f_contiguous
    assert np.array_equal(c_ordered.array, volume.array)


def test_a_volume_has_the_geometry_of_its_grid_and_the_dtype_of_its_array() -> None:
    affine = np.diag([-0.5, -0.5, 5.0, 1.0])
    made = hu.Volume.from_array(np.zeros((4, 3, 2), np.int16), affine=affine)
    assert np.array_equal(made.affine, affine)
    assert made.spacing_mm == (0.5, 0.5, 5.0)
    assert made.dtype == made.array.dtype == np.int16


def test_a_number_of_a_volume_in_a_file_may_be_an_integer(tmp_path: Path) -> None:
    made = hu.Volume.from_array(np.zeros((4, 3, 2), np.int16), affine=np.eye(4))
    hu.write(made, tmp_path / "ct.nrrd")
    [report] = hu.inspect(tmp_path, series=0)
    assert report.shape == (4, 3, 2)
    with pytest.raises(hu.WriteError, match=r"missing.x\.nrrd"):
        hu.write(made, tmp_path / "missing" / "x.nrrd")


def test_an_array_that_does_not_fit_its_spec_is_refused() -> None:
    spec = Spec(grid=GRID, dtype=np.dtype("int16"), quantity="hu", background=-1024)
    with pytest.raises(hu.GeometryError, match=r"\(3, 4, 1\)"):
        hu.Volume(np.zeros((3, 4, 1), np.int16), spec)
    with pytest.raises(hu.QuantityError, match="float64"):
        hu.Volume(np.zeros((3, 4, 2)), spec)


@pytest.mark.parametrize("shape", [(4, 4), (4,), (2, 2, 2, 2, 2)])
def test_what_has_not_three_axes_is_no_volume(shape: tuple[int, ...]) -> None:
    with pytest.raises(hu.GeometryError, match="axes"):
        hu.Volume.from_array(np.zeros(shape), affine=np.eye(4))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_is_refused(value: float) -> None:
    array = np.zeros((2, 2, 2), np.float32)
    array[0, 1, 0] = value
    with pytest.raises(hu.QuantityError, match="NaN"):
        hu.Volume.from_array(array, affine=np.eye(4))


def test_an_array_of_the_other_byte_order_goes_through_a_pipeline_as_planned() -> None:
    values = np.arange(-12, 12).reshape(2, 3, 4)
    ct = hu.Volume.from_array(values.astype(">i2"), affine=np.eye(4))
    pipeline = hu.Pipeline(
        (hu.Clip(low_hu=-5, high_hu=5), hu.Denoise(method="median", radius_mm=0.5))
    )
    made = pipeline.run(ct).volume
    assert made.spec == pipeline.plan(ct).spec
    assert np.array_equal(ct.array, values)
    assert np.array_equal(made.array, values.clip(-5, 5))


def test_numpy_gets_a_copy_and_may_ask_for_the_array_itself() -> None:
    volume = hu.Volume.from_array(np.zeros((2, 2, 2), np.int16), affine=np.eye(4))
    copy = np.array(volume)
    copy[:] = 7
    assert not volume.array.any()
    assert np.shares_memory(np.from_dlpack(volume), volume.array)


def test_labels_lie_on_the_images_grid_or_are_refused() -> None:
    image = hu.Volume.from_array(np.zeros((3, 4, 2), np.int16), affine=GRID.affine)
    label = hu.Volume.from_array(
        np.zeros((3, 4, 2), np.uint8), affine=GRID.affine, quantity="label"
    )
    assert hu.Case(image, {"a": label}).labels["a"] is label
    moved = hu.Volume.from_array(
        np.zeros((3, 4, 2), np.uint8), affine=np.diag([1.0, 1, 5, 1]), quantity="label"
    )
    with pytest.raises(hu.GeometryError, match=r"hu\.regrid"):
        hu.Case(image, {"a": moved})
    with pytest.raises(hu.QuantityError, match="not labels"):
        hu.Case(image, {}, {"a": image})


def test_no_name_of_a_patient_can_be_in_a_repr() -> None:
    volume = hu.Volume.from_array(np.zeros((3, 4, 2), np.int16), affine=GRID.affine)
    assert repr(volume) == "Volume(hu, int16, 3 x 4 x 2, LPS, 1 x 1 x 5 mm)"


def test_one_name_is_not_a_label_and_a_mask() -> None:
    ct = hu.Volume.from_array(np.zeros((4, 4, 2), np.int16), affine=np.eye(4))
    ones, zeros = np.ones((4, 4, 2), np.uint8), np.zeros((4, 4, 2), np.uint8)
    label = hu.Volume.from_array(ones, affine=np.eye(4), quantity="label")
    mask = hu.Volume.from_array(zeros, affine=np.eye(4), quantity="mask")
    with pytest.raises(hu.QuantityError, match="'liver' is both a label and a mask"):
        hu.Case(ct, labels={"liver": label}, masks={"bone": mask, "liver": mask})


@pytest.mark.parametrize("is_stack", [True, False])
def test_a_mask_of_a_step_does_not_replace_a_label(is_stack: bool) -> None:
    from hounsfield.phantom import grid_about, head

    image = head(grid_about((0, -4, 10), shape=(24, 24, 8), spacing_mm=(11, 11, 20))).image
    label = hu.Volume.from_array(
        np.ones(image.shape, np.uint8), affine=image.affine, quantity="label"
    )
    steps = (hu.BodyMask(empty="keep"), hu.FillOutside(mask="body"))
    source = hu.Stack.from_volume(image) if is_stack else image
    with pytest.raises(hu.QuantityError, match="'body' is both a label and a mask"):
        hu.Pipeline(steps).run(source, labels={"body": label})


def test_a_label_does_not_hide_the_mask_of_filled_slices() -> None:
    ct = hu.Volume.from_array(np.zeros((4, 4, 3), np.int16), affine=np.eye(4))
    stack = hu.Stack.from_volume(ct).replaced(interpolated=(False, True, False))
    ones = np.ones((4, 4, 3), np.uint8)
    label = hu.Volume.from_array(ones, affine=np.eye(4), quantity="label")
    with pytest.raises(hu.QuantityError, match="'interpolated' is both a label and a mask"):
        hu.Pipeline([hu.Reorient("RAS")]).run(stack, labels={"interpolated": label})
