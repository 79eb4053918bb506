"""A wrong argument of regrid is our own error, which says what to give."""

import numpy as np
import pytest

import hounsfield as hu

CT = hu.Volume.from_array(np.zeros((4, 4, 4), np.int16), affine=np.eye(4))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((CT, CT), r"regrid needs a Grid, not Volume; use its \.grid"),
        ((CT, None), "regrid needs a Grid, not NoneType"),
        ((CT.array, CT.grid), "regrid needs a Volume, not ndarray"),
    ],
)
def test_a_wrong_volume_or_grid_is_a_geometry_error(
    arguments: tuple[object, object], message: str
) -> None:
    with pytest.raises(hu.GeometryError, match=message):
        hu.regrid(*arguments)


@pytest.mark.parametrize("method", ["bilinear", 3, ["linear"], np.zeros(3)])
def test_an_unknown_method_is_a_quantity_error_even_for_a_copy(method: object) -> None:
    with pytest.raises(hu.QuantityError, match=r"unknown method .* expected one of auto"):
        hu.regrid(CT, CT.grid, method=method)
