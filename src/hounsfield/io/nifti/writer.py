"""Write NIfTI: the affine as sform, and as qform where a quaternion can say it; not a word of text."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from hounsfield.core.spec import Spec
from hounsfield.core.volume import Volume
from hounsfield.io.blocks import blocks, storable, storable_dtype
from hounsfield.io.packed import writing

CODE_SCANNER = 1
"""NIFTI_XFORM_SCANNER_ANAT: millimetres of the scanner that the source came from."""

ORTHOGONAL_WITHIN = 1e-6
"""Columns whose cosine is below this are at right angles but for rounding, and a quaternion can say them."""

LARGEST_SIZE = 32767
"""Sizes are int16 in NIfTI-1; beyond that a NIfTI-2 is written."""


def write_nifti(volume: Volume, path: Path, *, is_packed: bool) -> None:
    """Write `volume` as one NIfTI file at `path`, gzip where `is_packed`; channels become the fifth axis, with the
    intent 'vector' (i, j, k, 1, channel). The same volume gives the same bytes."""
    with writing(path, is_packed=is_packed) as file:
        write_header(file, volume.spec)
        for block in blocks(storable(volume.array)):
            file.write(block)


def write_header(file: BinaryIO, spec: Spec) -> None:
    """Write all that comes before the voxels of `spec`."""
    file.write(header_of(spec, storable_dtype(spec.dtype)).binaryblock)
    file.write(b"\0\0\0\0")


def header_of(spec: Spec, dtype: np.dtype[Any]) -> Any:
    """nibabel's header for `spec` with voxels of `dtype`."""
    import nibabel

    shape = (*spec.grid.shape, 1, len(spec.channels)) if spec.channels else spec.grid.shape
    kind = nibabel.Nifti2Header if max(shape) > LARGEST_SIZE else nibabel.Nifti1Header
    header = kind(endianness="<")
    header.set_data_dtype(dtype.newbyteorder("<"))
    header.set_data_shape(shape)
    header.set_xyzt_units("mm")
    if spec.channels:
        header.set_intent("vector", allow_unknown=False)
    _set_affine(header, spec)
    header.set_slope_inter(1.0, 0.0)
    header["magic"] = header.single_magic
    header["vox_offset"] = header.single_vox_offset
    return header


def _set_affine(header: Any, spec: Spec) -> None:
    directions = spec.grid.directions
    steps = header.get_zooms()
    header.set_zooms((*spec.grid.spacing_mm, *steps[3:]))
    if np.abs(directions.T @ directions - np.eye(3)).max() <= ORTHOGONAL_WITHIN:
        with suppress(ValueError):
            header.set_qform(spec.grid.affine, CODE_SCANNER, strip_shears=False)
    header.set_sform(spec.grid.affine, CODE_SCANNER)
