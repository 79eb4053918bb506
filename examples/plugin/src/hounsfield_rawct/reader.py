"""Read rawct: the header checked against the size of the file, then the voxels by slices."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hounsfield.core.dtype import voxel_dtype
from hounsfield.core.errors import ReadError
from hounsfield.core.policy import ReadPolicy
from hounsfield.core.spec import QUANTITIES
from hounsfield.io.bytes.gzip.bounded import check_length
from hounsfield.io.bytes.gzip.read import reading
from hounsfield.io.bytes.source_file import PlainVoxels, SourceFile
from hounsfield.io.values.affine import checked_grid
from hounsfield.io.values.raw_image import RawImage
from hounsfield.io.values.select_volume import select_volume
from hounsfield_rawct.format import MAGIC

HEADER_BYTES = 4096
"""A header has six short lines."""

KEYS = ("shape", "dtype", "quantity", "affine")


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """A checked header, and where the voxels begin."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    quantity: Any
    affine_ras: NDArray[np.float64]
    offset: int


def open_rawct(path: Path, *, series: str | None, policy: ReadPolicy) -> RawImage:
    """Open a rawct file; raises ReadError, RefusedError or GeometryError."""
    select_volume(1, series, axes=3)
    with reading("rawct"):
        with path.open("rb") as file:
            header = parse(file.read(HEADER_BYTES))
        count = math.prod(header.shape) * header.dtype.itemsize
        check_length(path, start=header.offset, count=count)
        source = SourceFile.of(path)

    def load() -> PlainVoxels:
        return PlainVoxels(source, offset=header.offset, shape=header.shape, dtype=header.dtype)

    return RawImage(
        grid=checked_grid(header.shape, header.affine_ras),
        dtype=header.dtype,
        load=load,
        quantity=header.quantity,
    )


def parse(data: bytes) -> Header:
    """Parse the first bytes of a file; raises ReadError where they are no rawct header."""
    text, mark, _ = data.partition(b"voxels\n")
    if not data.startswith(MAGIC) or not mark:
        raise ReadError("the rawct header is cut short or corrupt: expected 'RAWCT 1' to 'voxels'")
    lines = text[len(MAGIC) :].decode("ascii", "replace").splitlines()
    fields = dict(line.partition(" ")[::2] for line in lines)
    try:
        shape = tuple(int(word) for word in fields["shape"].split())
        dtype = voxel_dtype(fields["dtype"]).newbyteorder("<")
        affine = np.eye(4)
        affine[:3] = np.array(fields["affine"].split(), dtype=np.float64).reshape(3, 4)
        quantity = fields["quantity"]
    except (KeyError, ValueError, TypeError, OverflowError):
        raise ReadError(f"the rawct header is corrupt: it has no valid {', '.join(KEYS)}") from None
    if len(shape) != 3 or min(shape) < 1 or dtype.kind not in "iuf" or quantity not in QUANTITIES:
        raise ReadError("the rawct header is corrupt: its shape, dtype or quantity cannot be")
    return Header(
        shape=shape, dtype=dtype, quantity=quantity, affine_ras=affine, offset=len(text) + len(mark)
    )
