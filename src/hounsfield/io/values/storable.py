"""Convert voxels for output: to a dtype supported by all formats, and to bytes by slice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from hounsfield.core.volume import Array


def storable(array: Array) -> Array:
    """The array in a dtype that all formats support: bool as uint8, float16 as float32."""
    dtype = storable_dtype(array.dtype)
    return array if array.dtype == dtype else array.astype(dtype, order="F")


def storable_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype, supported by all formats, for values of `dtype`."""
    if dtype.kind == "b":
        return np.dtype(np.uint8)
    return np.dtype(np.float32) if dtype == np.float16 else dtype


def blocks(array: Array) -> Iterator[bytes]:
    """The little-endian bytes of an array (i, j, k[, channel]) in Fortran order, by k-slice."""
    little = array.dtype.newbyteorder("<")
    for part in (array,) if array.ndim == 3 else (array[..., n] for n in range(array.shape[3])):
        for k in range(part.shape[2]):
            yield np.asarray(part[:, :, k], dtype=little).tobytes(order="F")
