"""Parse a dtype of voxels: real numbers of at most 8 bytes, or booleans."""

from __future__ import annotations

from typing import Any

import numpy as np

from hounsfield.core.errors import QuantityError

DTYPES = (
    *("bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"),
    *("float16", "float32", "float64"),
)
"""Names of dtypes that voxels may have."""

_CODES = {np.dtype(name).str[1:]: name for name in DTYPES}
"""The names by numpy's codes, such as i2."""


def voxel_dtype(given: object) -> np.dtype[Any]:
    """Return the dtype of a name, a numpy dtype or a scalar type, in this machine's byte order.

    Text is compared with a list and never parsed by numpy, which reads '3f' and '016' as code.
    Raises QuantityError for anything else.

    >>> voxel_dtype("int16"), voxel_dtype(np.float32)
    (dtype('int16'), dtype('float32'))
    """
    is_type = isinstance(given, type) and issubclass(given, np.generic | bool | int | float)
    if isinstance(given, np.dtype) or is_type:
        dtype: np.dtype[Any] = np.dtype(given)  # type: ignore[call-overload]
        if dtype.name in DTYPES:
            native: np.dtype[Any] = dtype.newbyteorder("=")
            return native
    elif isinstance(given, str):
        code = given.lstrip("<>=|")  # the byte order, which is always this machine's
        if code in _CODES or given in DTYPES:
            return np.dtype(_CODES.get(code, given))
    shown = str(given)[:40] if isinstance(given, str | np.dtype) else type(given).__name__
    raise QuantityError(f"'{shown}' is not a dtype of voxels; expected one of {', '.join(DTYPES)}")
