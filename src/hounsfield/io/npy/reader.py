"""Read .npy files with their sidecar."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from hounsfield.core.errors import ReadError, refused
from hounsfield.core.policy import ReadPolicy
from hounsfield.io.bytes.gzip.read import read_plain, reading
from hounsfield.io.bytes.source_file import PlainVoxels, SourceFile, Voxels
from hounsfield.io.npy.header import read_header, sidecar_path
from hounsfield.io.values.raw_image import RawImage
from hounsfield.io.values.sidecar import read_sidecar


def open_npy(path: Path, *, series: str | None, policy: ReadPolicy) -> RawImage:
    """Open an .npy file and its sidecar; pickles are never loaded.

    Raises ReadError if either is corrupt or if they do not match, RefusedError (NO_AFFINE) if the
    sidecar is missing.
    """
    with reading("npy"):
        shape, dtype, is_fortran, offset = read_header(path)
    sidecar = sidecar_path(path)
    if not sidecar.is_file():
        raise refused(
            "NO_AFFINE",
            "the .npy has no sidecar with affine and quantity; copy the .json of the same name, "
            "written by hu.write, into its folder",
        )
    spec = read_sidecar(sidecar).spec
    if shape != spec.shape or dtype.newbyteorder("=") != spec.dtype:
        raise ReadError(
            f"the sidecar is of another array: found {shape} of {dtype.newbyteorder('=')}, "
            f"expected {spec.shape} of {spec.dtype}"
        )
    count = math.prod(shape) * dtype.itemsize
    with reading("npy"):
        source = SourceFile.of(path)

    def load() -> Voxels:
        if is_fortran and len(shape) == 3:
            return PlainVoxels(source, offset=offset, shape=shape, dtype=dtype)
        with reading("npy"):
            values = read_plain(source, offset=offset, count=count).view(dtype)
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
