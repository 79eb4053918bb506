"""Read numpy's .npy with its sidecar, memory-mapped."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from hounsfield.core.errors import ReadError, refused
from hounsfield.core.policy import ReadPolicy
from hounsfield.core.volume import Array
from hounsfield.io.bytes.gzip.read import mapped, reading
from hounsfield.io.npy.header import read_header, sidecar_path
from hounsfield.io.values.raw_image import RawImage
from hounsfield.io.values.sidecar import read_sidecar


def open_npy(path: Path, *, series: str | None, policy: ReadPolicy) -> RawImage:
    """What an .npy file and its sidecar hold, memory-mapped; never a pickle.

    Raises ReadError where either is corrupt, where they contradict each other, or where the sidecar is missing.
    """
    with reading("npy"):
        shape, dtype, is_fortran, offset = read_header(path)
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
