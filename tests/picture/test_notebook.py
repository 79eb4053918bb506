"""A volume shows itself."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from hounsfield.core.volume import Volume
from hounsfield.picture import png


def test_a_volume_of_any_quantity_shows_itself() -> None:
    for quantity, dtype in (
        ("hu", np.int16),
        ("unit", np.float32),
        ("label", np.uint8),
        ("mask", np.bool_),
        ("display", np.uint8),
        ("standardized", np.float32),
        ("other", np.float64),
    ):
        array = np.zeros((9, 8, 7), dtype)
        array[2:4] = 1
        picture = Image.open(
            io.BytesIO(png(Volume.from_array(array, affine=np.eye(4), quantity=quantity)))
        )
        assert picture.size[1] < 400
        assert len(picture.getcolors(100000)) > 3
