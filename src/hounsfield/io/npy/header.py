"""Read and write the header of .npy files, and name their sidecar."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from pathlib import Path
from tokenize import TokenError
from typing import Any, BinaryIO

import numpy as np

from hounsfield.core.errors import ReadError, refused
from hounsfield.core.spec import Spec
from hounsfield.io.bytes.gzip.bounded import too_short

HEADER_BYTES = 10_000
"""The limit of numpy for a header that it evaluates as a literal."""


def sidecar_path(path: Path) -> Path:
    """The sidecar of an .npy file: the same name with .json."""
    return path.with_suffix(".json")


def files_of(path: Path) -> Sequence[Path]:
    """The array and its sidecar."""
    return (path, sidecar_path(path))


def write_npy_header(file: BinaryIO, spec: Spec) -> None:
    """Write the .npy header for an array of `spec`."""
    from numpy.lib import format as npy

    npy.write_array_header_1_0(
        file,
        {
            "descr": npy.dtype_to_descr(spec.dtype.newbyteorder("<")),
            "fortran_order": True,
            "shape": spec.shape,
        },
    )


def read_header(path: Path) -> tuple[tuple[int, ...], np.dtype[Any], bool, int]:
    """Shape, dtype, order and offset of the voxels, checked against the file size."""
    from numpy.lib import format as npy

    with path.open("rb") as file:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                version = npy.read_magic(file)
                reader = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}[
                    version
                ]
                shape, is_fortran, dtype = reader(file, max_header_size=HEADER_BYTES)
        except (
            ValueError,
            KeyError,
            TypeError,
            SyntaxError,
            OverflowError,
            RecursionError,
            EOFError,
            TokenError,
            MemoryError,
        ):
            raise ReadError("the .npy header is corrupt; expected version 1 or 2") from None
        offset = file.tell()
    if dtype.kind not in "biuf" or dtype.itemsize > 8:
        raise refused(
            "NOT_NUMBERS", "the .npy has objects, records or complex numbers; expected real numbers"
        )
    if len(shape) not in (3, 4) or min(shape) < 1:
        raise refused(
            "NOT_3D", f"the .npy has the shape {shape}; expected three axes, or four with channels"
        )
    size, count = path.stat().st_size - offset, math.prod(shape) * dtype.itemsize
    if size != count:
        raise (
            too_short(size, count)
            if size < count
            else ReadError(f"the .npy has {size} bytes of voxels, expected {count}; copy it again")
        )
    return tuple(shape), dtype, bool(is_fortran), offset
