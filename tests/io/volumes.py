"""Hypothesis strategies for small volumes of every kind, on any grid."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from hounsfield.core.volume import Volume

DTYPES = ["int16", "uint8", "int8", "uint16", "int32", "float32"]


@st.composite
def affines(draw: st.DrawFn, *, sheared: bool = False) -> np.ndarray:
    """Any rotation, spacings of 0.1 to 9 mm, an origin within 500 mm, either handedness."""
    w, x, y, z = (draw(st.integers(-100, 100)) / 100 for _ in range(4))
    norm = (w * w + x * x + y * y + z * z) ** 0.5
    w, x, y, z = (1.0, 0.0, 0.0, 0.0) if norm < 0.1 else (w / norm, x / norm, y / norm, z / norm)
    rotation = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )
    if sheared:
        rotation = rotation @ np.array([[1, 0, 0], [0, 1, draw(st.floats(0.05, 0.5))], [0, 0, 1]])
    spacing = [draw(st.floats(0.1, 9)) for _ in range(3)]
    spacing[0] *= draw(st.sampled_from([1, -1]))
    affine = np.eye(4)
    affine[:3, :3] = rotation * spacing
    affine[:3, 3] = [draw(st.floats(-500, 500)) for _ in range(3)]
    return affine


@st.composite
def volumes(
    draw: st.DrawFn, *, dtypes: list[str] = DTYPES, quantity: str = "other", channels: bool = False
) -> Volume:
    """A volume of random values over the range of its dtype (floats: -2000 to 4000, not whole)."""
    shape = tuple(draw(st.integers(1, 7)) for _ in range(3))
    shape = (*shape, draw(st.integers(2, 4))) if channels else shape
    dtype = np.dtype(draw(st.sampled_from(dtypes)))
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    if dtype.kind == "f":
        array = (generator.uniform(-2000, 4000, shape) + 0.37).astype(dtype)
    else:
        limits = np.iinfo(dtype)
        array = generator.integers(limits.min, limits.max, shape, dtype=dtype, endpoint=True)
    return Volume.from_array(array, affine=draw(affines()), quantity=quantity)
