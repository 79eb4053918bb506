"""A label comes onto an image's grid by one function, and says how."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import hounsfield as hu
from hounsfield.core.errors import ArgumentError, GeometryError, QuantityError
from hounsfield.core.grid import Grid
from hounsfield.core.volume import Volume
from hounsfield.dataset.labels import read_labels as labels_of_run
from hounsfield.resampling.labels import sample_label
from hounsfield.resampling.regrid import label_on_grid
from hounsfield.resampling.sampling import Sampling

FINE = Grid((12, 12, 12), np.diag([1.0, 1.0, 1.0, 1.0]))
COARSE = Grid((4, 4, 4), np.diag([2.9, 2.9, 2.9, 1.0]))
LABEL = Volume.from_array(
    np.random.default_rng(2).integers(0, 3, FINE.shape).astype(np.uint8, order="F"),
    affine=FINE.affine,
    quantity="label",
)


def test_each_voxel_has_the_label_with_the_largest_share() -> None:
    made, (note,) = label_on_grid(LABEL, COARSE, name="a")
    sampling = Sampling.between(FINE, COARSE, method="linear")
    shared = sample_label(LABEL, COARSE, sampling, method="partial_volume")
    assert np.array_equal(made.array, shared.array)
    assert np.array_equal(made.array, hu.regrid(LABEL, COARSE).array)
    assert note.code == "REGRIDDED"
    assert "largest share" in note.message


def test_every_way_onto_a_grid_gives_the_same_label(tmp_path: Path) -> None:
    image = Volume.from_array(np.zeros(COARSE.shape, np.int16), affine=COARSE.affine)
    hu.write(image, tmp_path / "ct.nii.gz")
    hu.write(LABEL, tmp_path / "a.nii.gz")
    on_grid = hu.regrid(LABEL, COARSE).array
    with pytest.warns(hu.HounsfieldWarning, match="another grid"):
        read = hu.read_labels(tmp_path / "a.nii.gz", image=image)["a"]
    of_run, _ = labels_of_run(
        tmp_path / "a.nii.gz", name="a", stack=hu.open(tmp_path / "ct.nii.gz")
    )
    step = hu.Resample(like=COARSE)
    of_case = step.apply(
        hu.Case(Volume.from_array(np.zeros(FINE.shape, np.int16), affine=FINE.affine), {"a": LABEL})
    )
    of_image = hu.Pipeline((step,)).run(LABEL).volume
    for other in (read, of_run["a"], of_case.labels["a"], of_image):
        assert np.array_equal(other.array, on_grid)
        assert other.spec.dtype == np.uint8


def test_a_label_that_lies_there_already_is_the_same_array() -> None:
    made, notes = label_on_grid(LABEL, FINE, name="a")
    assert made.array is LABEL.array
    assert notes == ()


def test_a_label_of_another_place_is_refused() -> None:
    away = Grid(COARSE.shape, COARSE.affine + 1000 * np.eye(4, k=3))
    with pytest.raises(
        GeometryError, match=r"does not overlap the image .* check that it belongs to this scan"
    ):
        label_on_grid(LABEL, away, name="a")


def test_an_image_is_no_label() -> None:
    image = Volume.from_array(LABEL.array.astype(np.int16), affine=FINE.affine)
    with pytest.raises(QuantityError, match="label 'a' is hu; expected label or mask"):
        label_on_grid(image, COARSE, name="a")


@pytest.mark.parametrize("wrong", [5, "x", np.zeros((3, 3, 3)), [1], Volume])
def test_regrid_refuses_wrong_arguments(wrong: object) -> None:
    with pytest.raises(ArgumentError, match="expected Volume"):
        hu.regrid(wrong, COARSE)
    with pytest.raises(ArgumentError, match="expected Grid"):
        hu.regrid(LABEL, wrong)
    with pytest.raises(hu.HounsfieldError, match="method"):
        hu.regrid(LABEL, COARSE, method=wrong)
