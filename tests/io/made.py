"""Files of other origins: NIfTI, NRRD and MetaImage built by hand, without our writers."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import nibabel
import numpy as np

AFFINE = np.array([[-0.7, 0, 0, 90], [0, -0.7, 0, 110], [0, 0, 2.5, -40], [0, 0, 0, 1]])


def head_like(shape: tuple[int, ...] = (18, 17, 16), dtype: str = "int16") -> np.ndarray:
    """Air around a ball of noisy soft tissue with a core of bone: what HU look like."""
    generator = np.random.default_rng(7)
    axes = np.meshgrid(*(np.linspace(-1, 1, size) for size in shape), indexing="ij")
    radius = np.sqrt(sum(axis**2 for axis in axes))
    values = np.where(radius < 0.75, 40, -1000) + np.where(radius < 0.3, 900, 0)
    return np.asfortranarray((values + generator.integers(-15, 16, shape)).astype(dtype))


def nifti(
    path: Path,
    array: np.ndarray,
    *,
    affine: np.ndarray | None = AFFINE,
    version: int = 1,
    order: str = "<",
    **fields: Any,
) -> Path:
    """Write a NIfTI with nibabel's header (sform and qform set), then set raw header fields."""
    kind = {1: nibabel.Nifti1Header, 2: nibabel.Nifti2Header}[version]
    header = kind(endianness=order)
    header.set_data_dtype(array.dtype.newbyteorder(order))
    header.set_data_shape(array.shape)
    header.set_xyzt_units("mm")
    if affine is not None:
        header.set_zooms((*np.linalg.norm(affine[:3, :3], axis=0), *[1.0] * (array.ndim - 3)))
        header.set_sform(affine, 1)
        header.set_qform(affine, 1)
    header["magic"] = header.single_magic
    header["vox_offset"] = header.single_vox_offset
    for name, value in fields.items():
        header[name] = value
    data = (
        header.binaryblock
        + b"\0\0\0\0"
        + array.astype(array.dtype.newbyteorder(order)).tobytes(order="F")
    )
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def nrrd_header(array: np.ndarray, **fields: str) -> str:
    """An LPS header with AFFINE; `fields` replace or add lines ('' removes one; _ is a space)."""
    lines = {
        "type": {"int16": "short", "uint8": "uchar", "float32": "float", "int32": "int"}[
            array.dtype.name
        ],
        "dimension": str(array.ndim),
        "space": "left-posterior-superior",
        "sizes": " ".join(map(str, array.shape)),
        "space directions": "(0.7,0,0) (0,0.7,0) (0,0,2.5)",
        "kinds": "domain domain domain",
        "endian": "little",
        "encoding": "raw",
        "space origin": "(-90,-110,-40)",
    }
    lines |= {name.replace("_", " "): value for name, value in fields.items()}
    return "NRRD0005\n# a comment\n" + "".join(
        f"{name}: {value}\n" for name, value in lines.items() if value
    )


def meta_header(array: np.ndarray, **fields: str) -> str:
    """A MetaImage header of the same geometry."""
    lines = {
        "ObjectType": "Image",
        "NDims": "3",
        "BinaryData": "True",
        "BinaryDataByteOrderMSB": "False",
        "CompressedData": "False",
        "TransformMatrix": "1 0 0 0 1 0 0 0 1",
        "Offset": "-90 -110 -40",
        "CenterOfRotation": "0 0 0",
        "ElementSpacing": "0.7 0.7 2.5",
        "DimSize": " ".join(map(str, array.shape)),
        "ElementType": {"int16": "MET_SHORT", "uint8": "MET_UCHAR"}[array.dtype.name],
        "ElementDataFile": "LOCAL",
    }
    lines |= fields
    lines["ElementDataFile"] = lines.pop("ElementDataFile")
    return "".join(f"{name} = {value}\n" for name, value in lines.items() if value)
