"""A label comes onto an image's grid by one function, and says how."""

from __future__ import annotations

import numpy as np
import pytest

from hounsfield.core.errors import GeometryError, QuantityError
from hounsfield.core.grid import Grid
from hounsfield.core.volume import Volume
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


@pytest.mark.parametrize("method", ["nearest", "partial_volume"])
def test_each_method_is_that_of_the_resampling(method: str) -> None:
    made, (note,) = label_on_grid(LABEL, COARSE, name="a", method=method)
    sampling = Sampling.between(FINE, COARSE, method="linear")
    assert np.array_equal(made.array, sample_label(LABEL, COARSE, sampling, method=method).array)
    assert note.code == "REGRIDDED"
    assert ("largest share" in note.message) == (method == "partial_volume")


def test_a_label_that_lies_there_already_is_the_same_array() -> None:
    made, notes = label_on_grid(LABEL, FINE, name="a", method="nearest")
    assert made.array is LABEL.array
    assert notes == ()


@pytest.mark.parametrize("method", ["nearest", "partial_volume"])
def test_a_label_of_another_place_is_refused_by_either_method(method: str) -> None:
    away = Grid(COARSE.shape, COARSE.affine + 1000 * np.eye(4, k=3))
    with pytest.raises(
        GeometryError, match=r"does not overlap the image .* check that it belongs to this scan"
    ):
        label_on_grid(LABEL, away, name="a", method=method)


def test_an_image_is_no_label() -> None:
    image = Volume.from_array(LABEL.array.astype(np.int16), affine=FINE.affine)
    with pytest.raises(QuantityError, match="label 'a' is hu; expected label or mask"):
        label_on_grid(image, COARSE, name="a", method="nearest")
