"""Write NIfTI with the affine as sform and, if possible, qform, and empty text fields."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from hounsfield.core.spec import Spec
from hounsfield.core.volume import Volume
from hounsfield.io.bytes.gzip.write import Digest, open_output
from hounsfield.io.nifti.header import VECTOR_INTENT
from hounsfield.io.nifti.layout import DTYPES, layout, quaternion
from hounsfield.io.values.storable import blocks, storable, storable_dtype

CODE_SCANNER = 1
"""NIFTI_XFORM_SCANNER_ANAT: scanner coordinates."""

ORTHOGONAL_WITHIN = 1e-6
"""Largest cosine between orthogonal columns, up to rounding, for which a qform is written."""

LARGEST_SIZE = 32767
"""Largest size in NIfTI-1 (int16); larger images are written as NIfTI-2."""

MILLIMETRES = 2
"""NIFTI_UNITS_MM."""

_CODES = {name: code for code, name in DTYPES.items()}


def write_nifti(volume: Volume, path: Path, *, is_packed: bool) -> None:
    """Write `volume` as one NIfTI file at `path`, gzip if `is_packed`, reproducibly.

    Channels become the fifth axis (i, j, k, 1, channel) with intent 'vector'.
    """
    with open_output(path, is_packed=is_packed) as file:
        write_header(file, volume.spec)
        for block in blocks(storable(volume.array)):
            file.write(block)


def write_nii(volume: Volume, path: Path) -> None:
    """Write `volume` as a plain NIfTI file."""
    write_nifti(volume, path, is_packed=False)


def write_nii_gz(volume: Volume, path: Path) -> None:
    """Write `volume` as a NIfTI file in gzip."""
    write_nifti(volume, path, is_packed=True)


@contextmanager
def slabs_nii(path: Path, *, spec: Spec, digest: Digest) -> Iterator[BinaryIO]:
    """Open a plain NIfTI file for slabs: its header is written."""
    with open_output(path, is_packed=False, digest=digest) as file:
        write_header(file, spec)
        yield file


@contextmanager
def slabs_nii_gz(path: Path, *, spec: Spec, digest: Digest) -> Iterator[BinaryIO]:
    """Open a NIfTI file in gzip for slabs: its header is written."""
    with open_output(path, is_packed=True, digest=digest) as file:
        write_header(file, spec)
        yield file


def write_header(file: BinaryIO, spec: Spec) -> None:
    """Write the header and the empty extension field."""
    file.write(header_of(spec, storable_dtype(spec.dtype)))
    file.write(b"\0\0\0\0")


def header_of(spec: Spec, dtype: np.dtype[Any]) -> bytes:
    """The little-endian header for `spec` and `dtype`: NIfTI-1, or NIfTI-2 for large sizes."""
    shape = (*spec.grid.shape, 1, len(spec.channels)) if spec.channels else spec.grid.shape
    version = 2 if max(shape) > LARGEST_SIZE else 1
    header = np.zeros(1, dtype=layout(version, "<"))[0]
    size = header.dtype.itemsize
    values: dict[str, Any] = {
        "sizeof_hdr": size,
        "datatype": _CODES[dtype.str[1:]],
        "bitpix": 8 * dtype.itemsize,
        "vox_offset": size + 4,
        "scl_slope": 1.0,
        "xyzt_units": MILLIMETRES,
        "magic": f"n+{version}".encode(),
        **_affine(spec),
    }
    values["dim"] = [len(shape), *shape, *[1] * (7 - len(shape))]
    values["pixdim"] = [values.pop("qfac"), *spec.grid.spacing_mm, *[1.0] * 4]
    if spec.channels:
        values["intent_code"] = VECTOR_INTENT
    values |= {"eol_check": (13, 10, 26, 10)} if version == 2 else {"regular": b"r"}
    for name, value in values.items():
        header[name] = value
    return bytes(header.tobytes())


def _affine(spec: Spec) -> dict[str, Any]:
    """sform, and qform if the columns are orthogonal."""
    affine, directions = spec.grid.affine, spec.grid.directions
    values: dict[str, Any] = {
        "sform_code": CODE_SCANNER,
        "qfac": 1.0,
        **{f"srow_{name}": affine[n] for n, name in enumerate("xyz")},
    }
    if np.abs(directions.T @ directions - np.eye(3)).max() > ORTHOGONAL_WITHIN:
        return values
    turn = np.array(directions)
    if np.linalg.det(turn) < 0:
        turn[:, 2] *= -1.0
        values["qfac"] = -1.0
    values |= dict(zip(("quatern_b", "quatern_c", "quatern_d"), quaternion(turn), strict=True))
    values |= {f"qoffset_{name}": affine[n, 3] for n, name in enumerate("xyz")}
    return {**values, "qform_code": CODE_SCANNER}
