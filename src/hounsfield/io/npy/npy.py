"""numpy's .npy with a sidecar: the array, mapped when it is read, and what it means beside it."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from tokenize import TokenError
from typing import Any, BinaryIO

import numpy as np

from hounsfield.core.errors import ReadError, refused
from hounsfield.core.spec import Spec
from hounsfield.core.volume import Array, Volume
from hounsfield.io.bytes.atomic import atomic
from hounsfield.io.bytes.gzip.bounded import too_short
from hounsfield.io.bytes.gzip.read import mapped, reading
from hounsfield.io.values.raw_image import RawImage
from hounsfield.io.values.sidecar import Sidecar, read_sidecar

HEADER_BYTES = 10_000
"""numpy's own bound on a header that it evaluates as a literal."""


def sidecar_path(path: Path) -> Path:
    """The sidecar of an .npy file: the same name with .json instead."""
    return path.with_suffix(".json")


def open_npy(path: Path) -> RawImage:
    """What an .npy file and its sidecar hold, memory-mapped; never a pickle.

    Raises ReadError where either is corrupt, where they contradict each other, or where the sidecar is missing.
    """
    with reading("npy"):
        shape, dtype, is_fortran, offset = _header(path)
    beside = sidecar_path(path)
    if not beside.is_file():
        raise refused(
            "NO_AFFINE",
            "an .npy alone says neither where its voxels lie nor what they are: the sidecar "
            "that hu.write makes, of the same name and .json, must lie beside it",
        )
    spec = read_sidecar(beside).spec
    if shape != spec.shape or dtype.newbyteorder("=") != spec.dtype:
        raise ReadError(
            f"the sidecar belongs to another array: it says {spec.shape} of {spec.dtype}, and the file "
            f"holds {shape} of {dtype.newbyteorder('=')}"
        )
    count = math.prod(shape) * dtype.itemsize

    def load() -> Array:
        with reading("npy"):
            values = mapped(path, offset=offset, count=count).view(dtype)
        return np.asfortranarray(values.reshape(shape, order="F" if is_fortran else "C"))

    return RawImage(
        grid=spec.grid,
        dtype=dtype,
        load=load,
        channels=spec.channels,
        quantity=spec.quantity,
        background=spec.background,
        backgrounds=spec.backgrounds,
    )


def write_npy(volume: Volume, path: Path) -> None:
    """Write `volume` as .npy (Fortran order, little-endian) and its sidecar; both are whole before one has a name."""
    little = volume.spec.dtype.newbyteorder("<")
    with atomic(path) as voxels, atomic(sidecar_path(path)) as beside:
        beside.write_text(Sidecar(spec=volume.spec).text(), encoding="utf-8")
        with voxels.open("r+b") as file:
            write_npy_header(file, volume.spec)
            file.write(volume.array.astype(little, copy=False).ravel(order="F").data)


def write_npy_header(file: BinaryIO, spec: Spec) -> None:
    """Write all that comes before the voxels of `spec`."""
    from numpy.lib import format as npy

    npy.write_array_header_1_0(
        file,
        {
            "descr": npy.dtype_to_descr(spec.dtype.newbyteorder("<")),
            "fortran_order": True,
            "shape": spec.shape,
        },
    )


def _header(path: Path) -> tuple[tuple[int, ...], np.dtype[Any], bool, int]:
    """Shape, dtype, order and offset of the voxels, checked against the size of the file."""
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
            raise ReadError(
                "the .npy header is corrupt: it is not numpy's of version 1 or 2"
            ) from None
        offset = file.tell()
    if dtype.kind not in "biuf" or dtype.itemsize > 8:
        raise refused(
            "NOT_NUMBERS", "the .npy holds objects, records or complex numbers, not plain ones"
        )
    if len(shape) not in (3, 4) or min(shape) < 1:
        raise refused(
            "NOT_3D",
            f"the .npy has the shape {shape}; a volume has three axes, or four with channels",
        )
    size, count = path.stat().st_size - offset, math.prod(shape) * dtype.itemsize
    if size != count:
        raise (
            too_short(size, count)
            if size < count
            else ReadError("the .npy file is longer than its header says")
        )
    return tuple(shape), dtype, bool(is_fortran), offset
