"""The bytes of a volume in the order that files have them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from hounsfield.core.volume import Array


def storable(array: Array) -> Array:
    """The array in a type that every format has: booleans as uint8, float16 as float32."""
    if array.dtype.kind == "b":
        return array.astype(np.uint8, order="F")
    return array.astype(np.float32, order="F") if array.dtype == np.float16 else array


def blocks(array: Array) -> Iterator[bytes]:
    """The bytes of a Fortran-ordered array (i, j, k) or (i, j, k, channel), little-endian, k-slice by k-slice."""
    little = array.dtype.newbyteorder("<")
    for part in (array,) if array.ndim == 3 else (array[..., n] for n in range(array.shape[3])):
        for k in range(part.shape[2]):
            yield np.asarray(part[:, :, k], dtype=little).tobytes(order="F")
