"""Parse the name of a dtype of voxels."""

from __future__ import annotations

from typing import Any

import numpy as np

from hounsfield.core.errors import QuantityError

VOXEL_DTYPES = (
    "bool",
    "int8",
    "uint8",
    "int16",
    "uint16",
    "int32",
    "uint32",
    "int64",
    "uint64",
    "float16",
    "float32",
    "float64",
)
"""Names of the dtypes that voxels may have; numpy evaluates other text in surprising ways."""


_CODES = {np.dtype(name).str[1:]: name for name in VOXEL_DTYPES}
"""The names by numpy's codes, such as i2."""


def parse_dtype(value: Any) -> np.dtype[Any]:
    """Return the dtype of voxels that a name, a numpy type or a dtype stands for.

    Raises QuantityError for anything else.

    >>> parse_dtype("int16"), parse_dtype(np.float32)
    (dtype('int16'), dtype('float32'))
    """
    name = value
    if isinstance(value, np.dtype):
        name = value.name
    elif isinstance(value, type):
        name = {int: "int64", float: "float64"}.get(value, value.__name__)
    elif isinstance(value, str):
        name = _CODES.get(value, value)
    if not isinstance(name, str) or name not in VOXEL_DTYPES:
        raise QuantityError(
            f"unknown dtype '{str(name)[:40]}'; expected one of {', '.join(VOXEL_DTYPES)}"
        )
    return np.dtype(name)
